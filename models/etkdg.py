#!/usr/bin/python3
"""How close one conformation by RDKit (ETKDG and MMFF94) comes to given ones.

    etkdg.py NAME < FILE.csv

Reads CSV that COPY wrote: SMILES, and coordinates of its heavy atoms as an
array of three numbers for each. Prints, as means over the molecules that RDKit
embeds, the mass-weighted RMSD after the best proper rotation, and the mean
absolute error of the distances between atoms, both in angstrom: the metrics of
hamnet_evaluate_engine. Needs python3 with numpy and rdkit.
"""
import csv
import sys

import numpy
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem


def embed(smiles):
    """Positions of the heavy atoms; None if RDKit finds none."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    parameters = AllChem.ETKDGv3()
    parameters.randomSeed = 1
    if AllChem.EmbedMolecule(molecule, parameters) != 0:
        return None
    if AllChem.MMFFHasAllMoleculeParams(molecule):
        AllChem.MMFFOptimizeMolecule(molecule, maxIters=1000)
    return Chem.RemoveHs(molecule)


def rmsd(p, q, mass):
    weight = mass / mass.sum()
    p = p - weight @ p
    q = q - weight @ q
    u, _, vt = numpy.linalg.svd((p * weight[:, None]).T @ q)
    turn = numpy.diag([1, 1, numpy.sign(numpy.linalg.det(u @ vt))])
    return numpy.sqrt((weight * ((p @ u @ turn @ vt - q) ** 2).sum(axis=1)).sum())


def distance_error(p, q):
    i, j = numpy.triu_indices(len(p), 1)
    return numpy.abs(numpy.linalg.norm(p[i] - p[j], axis=1) - numpy.linalg.norm(q[i] - q[j], axis=1)).mean()


def main(name):
    RDLogger.DisableLog("rdApp.*")
    errors = []
    count = 0
    for smiles, xyz in csv.reader(sys.stdin):
        count += 1
        molecule = embed(smiles)
        reference = numpy.array([float(value) for value in xyz.strip("{}").split(",")]).reshape(-1, 3)
        if molecule is None or molecule.GetNumAtoms() != len(reference) or len(reference) < 2:
            continue
        mass = numpy.array([atom.GetMass() for atom in molecule.GetAtoms()])
        positions = molecule.GetConformer().GetPositions()
        errors.append((rmsd(positions, reference, mass), distance_error(positions, reference)))
    mean = numpy.mean(errors, axis=0)
    print(f"{name}: RDKit rmsd {mean[0]:.3f}, distance_mae {mean[1]:.3f}, {len(errors)} of {count} molecules", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
