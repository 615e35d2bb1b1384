#!/bin/sh
#
# Turn RDKit's list of fragments (FragmentDescriptors.csv: name, description,
# SMARTS, separated by tabs) into a table in C++, sorted by name. Names are
# spelled as RDKit's Python module Fragments spells them. Two patterns that
# later versions of the list correct stay what they were in 2022.09, by whose
# counts models have learned.

set -eu

echo '/* Made by make_fragments.sh from RDKit'"'"'s FragmentDescriptors.csv. */'
LC_ALL=C awk -F '\t' '
	/^#/ || NF < 3 { next }
	{
		gsub(/[=-]/, "_", $1)
		gsub(/\\/, "\\\\", $3)
		gsub(/"/, "\\\"", $3)
		smarts[$1] = $3			# of two lines with one name, RDKit takes the second
	}
	END {
		smarts["fr_prisulfonamd"] = "[NH2]-S(=,-[OX1;+0;-1])(=,-[OX1;+0;-1])-[#6]"
		smarts["fr_unbrch_alkane"] = "[R0;D2][R0;D2][R0;D2][R0;D2]"
		for (name in smarts)
			printf "{\"%s\", \"%s\"},\n", name, smarts[name]
	}' "$1" | LC_ALL=C sort
