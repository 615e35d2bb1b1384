-- The pictures of README.md: "make pictures" runs this in a new and empty database, in the repository's directory.

\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION hamnet;

\! mkdir -p doc/images
\o doc/images/explanation.svg
SELECT hamnet_svg_explain('CC(C)Cc1ccc(cc1)C(C)C(=O)O', 'solubility');

\o doc/images/similarity.svg
SELECT hamnet_svg_similarity('CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12', 'O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1');
\o
