#!/usr/bin/python3
"""How hamnet's conformers compare with GFN2-xTB: models/conformers.py LIBRARY > models/results/conformers.csv

With the extension in the database that the PG* variables name, and molecules in LIBRARY, one SMILES a line:
- drugs: aspirin, caffeine and 20 other drugs, by hamnet_conformer's structure (the lowest of hamnet_conformers) and by hamnet_embed's. Means over molecules of the
  difference of heavy-atom bond lengths from those of the structure that GFN2 relaxes it to, the heavy-atom RMSD from that, the largest distance of an atom of an
  aromatic ring from the ring's plane, the smallest distance of heavy atoms four or more bonds apart, and the share of molecules whose stereocentres are right.
- wide: of 60 molecules of LIBRARY with 10 to 30 heavy atoms, sixteen conformers each. Means over molecules of the total variation between weights and Boltzmann weights
  by GFN2's energies at the same structures, 298 K, and of the energy by GFN2 of the first conformer above the lowest.
Needs python3-numpy, python3-scipy, python3-rdkit, python3-psycopg, and tblite (PyPI).
"""
import random, sys

import numpy as np
import psycopg
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolAlign
from scipy.optimize import minimize
from tblite.interface import Calculator

RDLogger.DisableLog('rdApp.*')
BOHR, KCAL, RT = 0.529177210903, 627.5094740631, 0.5925
DRUGS = {
    'aspirin': 'CC(=O)Oc1ccccc1C(=O)O', 'caffeine': 'Cn1cnc2c1c(=O)n(C)c(=O)n2C', 'paracetamol': 'CC(=O)Nc1ccc(O)cc1', 'ibuprofen': 'CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O',
    'naproxen': 'COc1ccc2cc(ccc2c1)[C@H](C)C(=O)O', 'diazepam': 'CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12', 'nicotine': 'CN1CCC[C@H]1c1cccnc1', 'morphine': 'CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5',
    'fluoxetine': 'CNCCC(c1ccccc1)Oc1ccc(cc1)C(F)(F)F', 'propranolol': 'CC(C)NC[C@H](O)COc1cccc2ccccc12', 'lidocaine': 'CCN(CC)CC(=O)Nc1c(C)cccc1C', 'metformin': 'CN(C)C(=N)NC(=N)N',
    'omeprazole': 'COc1ccc2[nH]c(nc2c1)S(=O)Cc1ncc(C)c(OC)c1C', 'sulfamethoxazole': 'Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1', 'trimethoprim': 'COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC',
    'warfarin': 'CC(=O)C[C@@H](c1ccccc1)c1c(O)c2ccccc2oc1=O', 'penicillin G': 'CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O', 'chloroquine': 'CCN(CC)CCCC(C)Nc1ccnc2cc(Cl)ccc12',
    'haloperidol': 'O=C(CCCN1CCC(O)(CC1)c1ccc(Cl)cc1)c1ccc(F)cc1', 'sildenafil': 'CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1', 'celecoxib': 'Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F',
    'testosterone': 'C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O'}


def calculator(molecule):
    numbers = np.array([a.GetAtomicNum() for a in molecule.GetAtoms()])
    c = Calculator('GFN2-xTB', numbers, molecule.GetConformer().GetPositions() / BOHR, charge=Chem.GetFormalCharge(molecule))
    c.set('verbosity', 0)
    return c


def relax(molecule):
    """a copy at the nearest minimum of GFN2"""
    c = calculator(molecule)

    def energy(x):
        c.update(positions=x.reshape(-1, 3))
        r = c.singlepoint()
        return r.get('energy'), r.get('gradient').ravel()
    x = minimize(energy, molecule.GetConformer().GetPositions().ravel() / BOHR, jac=True, method='L-BFGS-B', options={'gtol': 5e-4, 'maxiter': 300}).x
    relaxed = Chem.Mol(molecule)
    for i, position in enumerate(x.reshape(-1, 3) * BOHR):
        relaxed.GetConformer().SetAtomPosition(i, position)
    return relaxed


def bond_lengths(molecule):
    x = molecule.GetConformer().GetPositions()
    return np.array([np.linalg.norm(x[b.GetBeginAtomIdx()] - x[b.GetEndAtomIdx()]) for b in molecule.GetBonds()])


def out_of_plane(molecule):
    """the largest distance of an atom of an aromatic ring from the ring's plane"""
    x, worst = molecule.GetConformer().GetPositions(), 0.0
    for ring in molecule.GetRingInfo().AtomRings():
        if all(molecule.GetAtomWithIdx(i).GetIsAromatic() for i in ring):
            p = x[list(ring)] - x[list(ring)].mean(0)
            worst = max(worst, np.abs(p @ np.linalg.svd(p)[2][2]).max())
    return worst


def contact(molecule):
    d = np.linalg.norm(molecule.GetConformer().GetPositions()[:, None] - molecule.GetConformer().GetPositions()[None], axis=2)
    return d[Chem.GetDistanceMatrix(molecule) >= 4].min(initial=np.inf)


def right_stereo(molecule, smiles):
    """whether the centres that the SMILES specifies are the same in the coordinates"""
    Chem.AssignStereochemistryFrom3D(molecule)
    return Chem.RemoveHs(molecule).HasSubstructMatch(Chem.MolFromSmiles(smiles), useChirality=True)


def drugs(db):
    figures = {}
    for name, smiles in DRUGS.items():
        for source, query in (('hamnet_conformer', "SELECT molblock FROM hamnet_conformers(%s, 1, '{\"pick\": \"lowest\"}')"), ('hamnet_embed', 'SELECT hamnet_embed(%s)')):
            molecule = Chem.MolFromMolBlock(db.execute(query, [smiles]).fetchone()[0], removeHs=False)
            heavy = Chem.RemoveHs(molecule)
            values = {'planarity': out_of_plane(heavy), 'contact': contact(heavy), 'stereo': float(right_stereo(Chem.Mol(molecule), smiles))}
            if molecule.GetNumAtoms() == Chem.AddHs(molecule, addCoords=True).GetNumAtoms():
                relaxed = Chem.RemoveHs(relax(molecule))
                values['bonds'] = np.abs(bond_lengths(heavy) - bond_lengths(relaxed)).mean()
                values['rmsd'] = rdMolAlign.GetBestRMS(Chem.Mol(heavy), relaxed)
            else:
                added = Chem.AddHs(molecule, addCoords=True)
                values['bonds'] = np.abs(bond_lengths(heavy) - bond_lengths(Chem.RemoveHs(relax(added)))).mean()
            for key, value in values.items():
                figures.setdefault((source, key), []).append(value)
        print(name, values, file=sys.stderr)
    return figures


def boltzmann(energies, factor=1.0):
    w = np.exp(-factor * (energies - energies.min()) / RT)
    return w / w.sum()


def wide(db, library):
    figures, left = {}, 60
    random.Random(1).shuffle(library)
    for smiles in library:
        mol = Chem.MolFromSmiles(smiles)
        if left == 0:
            break
        if mol is None or not 10 <= mol.GetNumHeavyAtoms() <= 30 or '.' in smiles:
            continue
        rows = db.execute("SELECT energy, weight, molblock FROM hamnet_try_conformers(%s, 16, '{\"conformations\": 16, \"window\": 100, \"rmsd\": 0.01, \"pick\": \"lowest\"}')", [smiles]).fetchall()
        if len(rows) < 8 or rows[0][0] is None:
            continue
        try:
            reference = np.array([calculator(Chem.MolFromMolBlock(r[2], removeHs=False)).singlepoint().get('energy') for r in rows]) * KCAL
        except Exception as problem:
            print(smiles, problem, file=sys.stderr)
            continue
        left -= 1
        energies, truth = np.array([r[0] for r in rows]), boltzmann(reference)
        for key, w in (('weights', np.array([r[1] for r in rows])), ('undamped', boltzmann(energies)), ('equal', np.full(len(rows), 1 / len(rows)))):
            figures.setdefault((key, 'total variation'), []).append(np.abs(w / w.sum() - truth).sum() / 2)
        figures.setdefault(('lowest', 'regret'), []).append(reference[energies.argmin()] - reference.min())
        figures.setdefault(('random', 'regret'), []).append(reference.mean() - reference.min())
        figures.setdefault(('lowest', 'conformers'), []).append(len(rows))
    return figures


def main(path):
    with psycopg.connect(autocommit=True) as db:
        print('part,source,figure,mean,worst,n')
        with open(path) as f:
            library = [line.split()[0] for line in f]
        for part, figures in (('wide', wide(db, library)), ('drugs', drugs(db))):
            for (source, figure), values in sorted(figures.items()):
                worst = min(values) if figure in ('contact', 'stereo') else max(values)
                print(f'{part},{source},{figure},{np.mean(values):.4g},{worst:.4g},{len(values)}', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
