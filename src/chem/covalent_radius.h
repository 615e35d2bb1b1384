/*
 * covalent_radius.h: how long bonds may be expected to be.
 */
#ifndef HAMNET_COVALENT_RADIUS_H
#define HAMNET_COVALENT_RADIUS_H

/*
 * Single-bond radii of Cordero and others (Dalton Trans. 2008, 2832) of the
 * elements whose bonds are covalent, in angstrom; 0 for others, whose bonds have
 * no one length and are not checked.
 */
static inline double
hn_covalent_radius(int element)
{
	switch (element)
	{
		case 1: return 0.31;
		case 5: return 0.84;
		case 6: return 0.76;
		case 7: return 0.71;
		case 8: return 0.66;
		case 9: return 0.57;
		case 14: return 1.11;
		case 15: return 1.07;
		case 16: return 1.05;
		case 17: return 1.02;
		case 32: return 1.20;
		case 33: return 1.19;
		case 34:
		case 35: return 1.20;
		case 52: return 1.38;
		case 53: return 1.39;
		default: return 0;
	}
}

#endif
