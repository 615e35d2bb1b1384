#!/usr/bin/python3
"""Turn geometries of molecules into CSV that COPY reads: index, smiles, xyz.

    geometries.py GEOMETRIES.npz TABLE.csv.gz COLUMN > FILE.csv

The archive holds, for molecule k, atoms offset[k] .. offset[k + 1] - 1 of the
arrays z (atomic numbers) and xyz (angstrom), and its number index[k]. The
table has a column "index" and a column of SMILES, whose atoms are in the order
of the heavy atoms of the geometry, or carry their place in it, from 1, as map
numbers. xyz is an array of three numbers for each heavy atom, in the order of
the SMILES. Molecules without a SMILES, or with another number of atoms, are
left out.
"""
import csv
import gzip
import re
import sys

import numpy

# A bracket atom with its map number, or any other heavy atom of a SMILES.
ATOM = re.compile(r"\[[^]]*?(?::(\d+))?\]|Cl|Br|[BCNOPSFIbcnops]")


def order_of(smiles):
    """Places, from 0, of the atoms in the geometry."""
    numbers = [match.group(1) for match in ATOM.finditer(smiles)]
    return [int(number) - 1 if number else place for place, number in enumerate(numbers)]


def main(geometries, table, column):
    archive = numpy.load(geometries)
    place = {int(index): k for k, index in enumerate(archive["index"])}
    offset, z, xyz = archive["offset"], archive["z"], archive["xyz"]
    output = csv.writer(sys.stdout)
    with gzip.open(table, "rt", newline="") as rows:
        for row in csv.DictReader(rows):
            k = place.get(int(row["index"]))
            smiles = row[column]
            if k is None or not smiles:
                continue
            atoms = slice(offset[k], offset[k + 1])
            heavy = xyz[atoms][z[atoms] > 1]
            order = order_of(smiles)
            if sorted(order) != list(range(len(heavy))):
                continue
            numbers = ",".join(f"{value:.6g}" for value in heavy[order].reshape(-1))
            output.writerow([row["index"], re.sub(r":\d+\]", "]", smiles), "{" + numbers + "}"])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
