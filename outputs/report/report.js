// Planes, cut variables and runs of a report, to be looked at closely.
document.documentElement.classList.add("js");
data.planes.forEach((plane, n) => { if (plane.stages.length) showPlane(document.getElementById(`live-plane-${n}`), plane); });
for (const one of data.variables) showVariable(document.getElementById("live-variables"), one);
showRuns(document.getElementById("live-runs"), document.getElementById("live-yields"), data.runs);
const folds = [...document.querySelectorAll("details.fold")];
for (const fold of folds) fold.open = false;
addEventListener("beforeprint", () => folds.forEach((fold) => { fold.dataset.was = fold.open ? "1" : ""; fold.open = true; }));
addEventListener("afterprint", () => folds.forEach((fold) => { fold.open = fold.dataset.was === "1"; }));
