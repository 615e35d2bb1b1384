#!/usr/bin/env python3
"""The lines of results/retrieval.csv for RDKit's Morgan fingerprints.

    morgan.py COMMIT < FILE.csv

Reads CSV: data set, row, active, query, SMILES. For each query, the 50 most
similar molecules of its data set by Tanimoto similarity of Morgan fingerprints
(radius 2, 2,048 bits) are looked up, without itself, equal ones by row.
Needs python3 with rdkit.
"""
import csv
import datetime
import sys

from rdkit import Chem, RDLogger
from rdkit.Chem.rdMolDescriptors import GetMorganFingerprintAsBitVect
from rdkit.DataStructs import BulkTanimotoSimilarity

NEIGHBOURS = 50


def main(commit):
    RDLogger.DisableLog("rdApp.*")
    sets = {}
    for dataset, _, active, query, smiles in csv.reader(sys.stdin):
        fingerprint = GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(smiles), 2, 2048)
        sets.setdefault(dataset, []).append((fingerprint, active == "1", query == "1"))
    out = csv.writer(sys.stdout, lineterminator="\n")
    for dataset, molecules in sorted(sets.items()):
        fingerprints = [fingerprint for fingerprint, _, _ in molecules]
        actives = sum(active for _, active, _ in molecules)
        queries = [k for k, (_, _, query) in enumerate(molecules) if query]
        found = 0
        for k in queries:
            similarity = BulkTanimotoSimilarity(fingerprints[k], fingerprints)
            order = sorted((-s, j) for j, s in enumerate(similarity) if j != k)
            found += sum(molecules[j][1] for _, j in order[:NEIGHBOURS])
        out.writerow([dataset, "RDKit Morgan (radius 2, 2,048 bits)", "Tanimoto", len(queries), NEIGHBOURS, f"{found / len(queries):.4f}",
                      f"{NEIGHBOURS * (actives - 1) / (len(molecules) - 1):.4f}", len(molecules), actives, "-", commit,
                      datetime.datetime.now(datetime.timezone.utc).date()])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
