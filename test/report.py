#!/usr/bin/env python3
"""Tests of models/report.py, as TAP: python3 test/report.py, in the repository's directory."""
import os
import shutil
import subprocess
import sys
import tempfile

RESULTS = "models/results"
FIGURE = "esol,{split},{variant},rmse,solubility,{value},114,8.0,9.26,187,71,{{}},{model},unknown,2026-11-21\n"
count = failures = 0


def check(good, name):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")


def run(folder):
    """Status, report and complaint of a run over a folder of results."""
    path = f"{folder}/REPORT.md"
    done = subprocess.run([sys.executable, "models/report.py", folder, path], capture_output=True, text=True)
    text = open(path, encoding="utf-8").read() if os.path.exists(path) else None
    return done.returncode, text, done.stderr


def with_results(change):
    """The same over a copy of the stored results to which change(folder) was done."""
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(RESULTS):
            shutil.copy(f"{RESULTS}/{name}", folder)
        change(folder)
        return run(folder)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.readlines()


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def refuses(file, edit, name):
    """Lines of a file, edited, are an error that names the file, and no report is written."""
    def change(folder):
        path = f"{folder}/{file}"
        write(path, edit(lines_of(path)))
    status, text, complaint = with_results(change)
    check(status != 0 and text is None and file in complaint and "Traceback" not in complaint, name)


def figures(values):
    """Replace all property results by these of ESOL: {(split, variant): value}. Intervals are of the stored ones, and go."""
    def change(folder):
        os.remove(f"{folder}/paired.csv")
        header = ("dataset,split,variant,metric,target,value,n,train_seconds,predict_seconds,train_mib,predict_mib,options,model,"
                  "commit,date\n")
        write(f"{folder}/properties.csv", [header] + [FIGURE.format(split=s, variant=v, value=value, model="0" * 64)
                                                      for (s, v), value in values.items()])
    return change


def section(text, title):
    return text.split(f"\n### {title}\n")[1].split("\n#")[0]


status, text, complaint = with_results(lambda folder: None)
check(status == 0, "the stored results are well formed" + ("" if status == 0 else f": {complaint}"))
check(text == open("models/REPORT.md", encoding="utf-8").read(), "models/REPORT.md is what make report writes")

refuses("splits.csv", lambda l: l[1:], "a file without its header is refused")
refuses("splits.csv", lambda l: l[:1] + [l[1].replace(",", ",,", 1)] + l[2:], "a line with a field too many is refused")
refuses("splits.csv", lambda l: l + [l[1]], "a line that stands twice is refused")
refuses("baselines.csv", lambda l: l[:1] + [l[1].replace("esol", "escol")] + l[2:], "a data set that there is not is refused")
refuses("baselines.csv", lambda l: l[:1] + [",".join(l[1].split(",")[:4] + ["nan"] + l[1].split(",")[5:])] + l[2:], "not a number is refused")
refuses("baselines.csv", lambda l: l[:1] + [l[1].replace(",rmse,", ",roc_auc,")] + l[2:], "a data set in the metric of another kind is refused")

refuses("paired.csv", lambda l: l[:1] + [l[1].replace(",0.", ",1.", 1)] + l[2:], "an interval of another figure is refused")

with tempfile.TemporaryDirectory() as empty:
    status, text, _ = run(empty)
check(status == 0 and "| ours | not run | not run |" in text and "|  |" not in section(text, "ESOL").split("|---")[1]
      and "Intervals: not run." in text, "without results, everything is not run")

def one_interval(low, high):
    """The stored intervals, but for one line with these ends."""
    def change(folder):
        path = f"{folder}/paired.csv"
        lines = lines_of(path)
        write(path, lines[:1] + [",".join(lines[1].split(",")[:6] + ["0.02", low, high]) + "\n"])
    return with_results(change)[1].split("## More than chance?")[1].split("\n##")[0]


text = one_interval("-0.01", "0.05")
check("| 0.020 [-0.010, 0.050] |" in text and "1 are in favour of ours, 0 of them with an interval above zero; 0 are against" in text,
      "an interval with zero in it is not bold, nor counted")
text = one_interval("-0.02", "0.06")
check("probability of 84 %, and with gains four times as large, of 100 %" in text, "a gain as large as its deviation comes out ahead five times of six")
text = one_interval("0.01", "0.05")
check("| **0.020 [0.010, 0.050]** |" in text and "1 of them with an interval above zero" in text, "one without zero is")

seeds = [f"random{k}" for k in range(5)]
status, text, _ = with_results(figures({(s, "ours"): v for s, v in zip(seeds, (0.4, 0.5, 0.4, 0.5, 0.7))} | {("scaffold", "ours"): 0.9}))
check("| ours | 0.400 | 0.500 | 0.400 | 0.500 | 0.700 | 0.500 ± 0.122 | 0.900 |" in text, "mean and deviation (n - 1) are over the five splits")
check("≤ 0.48: missed by 0.020" in text and "≤ 0.78: missed by 0.120" in text, "a missed goal says by how much")
status, text, _ = with_results(figures({("random0", "ours"): 0.4, ("random1", "ours"): 0.5}))
check("0.450 ± 0.071 (2 of 5)" in section(text, "ESOL"), "a mean over a part of the splits says so")
status, text, _ = with_results(figures({("random0", "ours"): 0.4, ("random0", "engine off"): 0.5, ("random1", "ours"): 0.6,
                                        ("random1", "engine off"): 0.45, ("random2", "ours"): 0.4}))
check("better than engine off on 1 of 2 splits, on average worse by 0.025; not on random1." in section(text, "ESOL"),
      "two variants are compared on the splits that both have")


def better_explained(test):
    """Whether every property of a test has a larger value than by chance."""
    header, *lines = [line.rstrip("\n").split(",") for line in lines_of(f"{RESULTS}/explanations.csv")]
    found = [dict(zip(header, line)) for line in lines if line[1] == test]
    return len(found) > 0 and all(float(line["value"]) > float(line["random"]) for line in found)


for test in ("deletion", "raising", "lowering", "crippen", "polar", "alert"):
    check(better_explained(test), f"explanations are better than chance: {test}")
text = with_results(lambda folder: os.remove(f"{folder}/explanations.csv"))[1]
check("Explanations: not run." in text, "without explanations they are not run")
refuses("explanations.csv", lambda l: l[:1] + [l[1].replace("deletion", "guess")] + l[2:], "a test that there is not is refused")

print(f"1..{count}")
sys.exit(failures > 0)
