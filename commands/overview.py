"""The commands by task, and an example or two of each."""

from __future__ import annotations

GROUPS = {
    "begin": ("demo", "inspect", "selections", "features", "periods", "init"),
    "run files": ("simulate", "catalogue"),
    "calibration": ("calibrate", "monitor"),
    "count": ("process", "report", "status", "why"),
    "look at events and results": ("events", "show", "compare", "overlay", "stability"),
    "background and efficiency": ("background", "scan", "dimuon", "beam", "probe", "efficiency"),
    "limits": ("limits", "project", "searches"),
    "the closed box": ("freeze", "unblind", "audit"),
    "preservation": ("bundle", "reproduce"),
    "batch systems": ("submit", "work", "merge"),
    "this machine": ("compile", "completion", "bench"),
}
"""Names of commands by what they are for."""

EXAMPLES = {
    "audit": ("na64 audit audit.jsonl",),
    "background": ("na64 background out", "na64 background out --simulation dimuons/out --timing timing/out"),
    "beam": ("na64 beam out", "na64 beam out --hadrons pure/hadrons --muons pure/muons"),
    "bench": ("na64 bench --quick",),
    "bundle": ("na64 bundle out --to out.zip", "na64 bundle out --to out.zip --license CC-BY-4.0"),
    "calibrate": (
        "na64 calibrate 2023.json --to constants",
        "na64 calibrate 2024.json --to constants_2024 --reference constants",
    ),
    "catalogue": (
        "na64 catalogue /data/2023 --to 2023.json",
        "na64 catalogue simulated --to simulated.json --simulation",
    ),
    "compare": ("na64 compare before after", "na64 compare run_1 run_2 --other-events"),
    "compile": ("na64 compile",),
    "completion": ("na64 completion bash", "na64 completion zsh"),
    "demo": ("na64 demo --to demo",),
    "dimuon": ("na64 dimuon data/out simulated/out",),
    "efficiency": ("na64 efficiency --to out/efficiency.csv", "na64 efficiency --to e.csv --mass 0.01 0.1"),
    "events": (
        "na64 events out --after srd --to events.root",
        "na64 events out --after shower_chi2 --region I --limit 100 --to events.csv",
    ),
    "features": ("na64 features", "na64 features hcal"),
    "freeze": ("na64 freeze out",),
    "init": (
        "na64 init selection mine --like dimuon_2023",
        "na64 init layout mine",
        "na64 init period 2024A --to periods/2024A.toml",
    ),
    "inspect": ("na64 inspect run_8701.root", "na64 inspect other.root --to mine.toml"),
    "limits": ("na64 limits out", "na64 limits out_2022 out_2023 --to limits"),
    "merge": ("na64 merge out",),
    "monitor": ("na64 monitor 2023.json --to watched",),
    "overlay": ("na64 overlay data/out simulated/out --only ecal,hcal",),
    "periods": ("na64 periods", "na64 periods 2023A"),
    "probe": ("na64 probe out",),
    "process": (
        "na64 process 2023.json --selection invisible_2023 --to out",
        "na64 process 2023.json --selection invisible_2023 --set vhcal.vhcal_total.below=3 --to loose",
    ),
    "project": ("na64 project --eot 1e12 --background 0.5+-0.2 --efficiency 0.5",),
    "report": ("na64 report out",),
    "reproduce": (
        "na64 reproduce out.zip --data /data/2023",
        "na64 reproduce out.zip --data /data/2023 --here",
    ),
    "scan": (
        "na64 scan out --cut vhcal.vhcal_total.below --from 0.5 --to 3 --steps 20 --signal signal/out",
        "na64 scan out --cut straw3.straw3_x.max --from 3 --to 9 --cut straw3.straw3_y.max --from 3 --to 9",
    ),
    "searches": ("na64 searches", "na64 searches alp"),
    "selections": ("na64 selections", "na64 selections invisible_2023"),
    "show": ("na64 show out 8701:1:17", "na64 show out --after srd --limit 12 --sheet"),
    "simulate": ("na64 simulate demo --to data", "na64 simulate signal --to signal --events 20000 --seed 1"),
    "stability": ("na64 stability out --after srd",),
    "status": ("na64 status out", "na64 status out --json"),
    "submit": (
        "na64 submit 2023.json --selection invisible_2023 --to out --slurm --minutes 120",
        "na64 submit 2023.json --selection invisible_2023 --to out --condor --jobs 50 --minutes 120",
    ),
    "unblind": (
        'na64 unblind out --freeze HASH --reason "approved" --approved-by "A. One" --approved-by "B. Two"',
    ),
    "why": ("na64 why out 8701",),
    "work": ("na64 work out/batch/1/jobs/0.json",),
}
"""Command lines by the name of the command."""
