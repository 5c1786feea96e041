"""Tasks on one core, several, or a cluster, and the ledger of what is done."""
