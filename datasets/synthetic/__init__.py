"""Simulated run files: particles, showers, digitisation and the files an experiment would have written."""

from na64.datasets.synthetic.campaign import Campaign
from na64.datasets.synthetic.campaign_reader import CAMPAIGNS, load_campaign
from na64.datasets.synthetic.simulation import simulate
from na64.datasets.synthetic.writers import RunFileFormat

__all__ = ["CAMPAIGNS", "Campaign", "RunFileFormat", "load_campaign", "simulate"]
