#!/usr/bin/env python3
"""Check that tables of data are those which the splits were made from.

    python3 models/splits.py DATA > models/results/splits.csv

Compares checksums with DATA/splits/manifest.json, and prints for each split how
many rows its parts have, and how many test rows have a structure that also
stands in train or valid. Needs nothing but python3.
"""
import csv
import gzip
import hashlib
import json
import sys


def sha256(path):
    with gzip.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main(data):
    with open(f"{data}/splits/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["dataset", "split", "train", "valid", "test", "repeated"])
    for name, entry in manifest.items():
        folder = "qm9" if name == "QM9" else "moleculenet"
        path = f"{data}/{folder}/{entry['source']}"
        if sha256(path) != entry["source_csv_sha256"]:
            sys.exit(f"{path} is not the table that the splits of {name} were made from")
        for split, sizes in entry["sizes"].items():
            out.writerow([name.lower(), split, *sizes, entry["test_rows_also_outside_test"][split]])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
