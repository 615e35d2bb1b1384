-- Pictures of molecules.
BEGIN;
SELECT plan(24);

-- One <svg> of well-formed XML, with nothing in it that runs or that comes from elsewhere.
CREATE FUNCTION is_svg(picture text) RETURNS boolean LANGUAGE sql AS $$
	SELECT picture::xml IS DOCUMENT AND (xpath('local-name(/*)', picture::xml))[1]::text = 'svg'
		AND (xpath('count(//*[namespace-uri() != "http://www.w3.org/2000/svg"])', picture::xml))[1]::text = '0'
		AND (xpath('count(//*[local-name() = "script" or local-name() = "image" or local-name() = "foreignObject" or local-name() = "style"])', picture::xml))[1]::text = '0'
		AND (xpath('count(//@*[starts-with(local-name(), "on") or local-name() = "href" or contains(., "url")])', picture::xml))[1]::text = '0' $$;

CREATE FUNCTION texts(picture text) RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(xmlserialize(content t AS text)) FROM unnest(xpath('//s:text/text()', picture::xml, '{{s,http://www.w3.org/2000/svg}}')) AS t $$;

-- one molecule
SELECT ok(is_svg(hamnet_svg('CC(=O)Oc1ccccc1C(=O)O')), 'a molecule is drawn as SVG');
SELECT is(hamnet_svg('CCO'), hamnet_svg('CCO', '{}'), 'options may be left out');
SELECT is(hamnet_svg('CCO'), hamnet_svg('CCO', '{"width": 300, "height": 220, "bond_width": 1.8, "atom_numbers": false}'), 'defaults are those of the documentation');
SELECT is(hamnet_svg(NULL), NULL, 'NULL has no picture');
SELECT matches(hamnet_svg('CCO', '{"width": 123, "height": 77}'), 'width=''123'' height=''77''', 'a picture has the size that is asked for');
SELECT is(texts(hamnet_svg('CCO', '{"legend": "ethanol\n46 g/mol"}')), '{ethanol,46 g/mol}', 'a legend is text, line by line');
SELECT is(texts(hamnet_svg('CCO', '{"legend": "λ ± 1 µm"}')), '{λ ± 1 µm}', 'a legend may be in any script');
SELECT isnt(hamnet_svg('CCO', '{"atoms": [3]}'), hamnet_svg('CCO'), 'atoms are highlighted');
SELECT is(hamnet_svg('CCO', '{"atoms": [3]}'), hamnet_svg('CCO', '{"smarts": "O"}'), 'atoms are highlighted by a pattern');
SELECT is(hamnet_svg('CCO', '{"weights": [1, -1, 0.5]}'), hamnet_svg('CCO', '{"weights": [2, -2, 1]}'), 'weights are relative to the largest');
SELECT isnt(hamnet_svg('CCO', '{"weights": [1, -1, 0.5]}'), hamnet_svg('CCO', '{"weights": [2, -2, 1], "largest_weight": 4}'), 'weights are relative to the largest weight that is given');

-- hostile text
SELECT ok(bool_and(is_svg(picture)), 'no text becomes markup')
FROM unnest(ARRAY['</text><script>alert(1)</script>', '''/><image href="http://x"/>', ']]>', '<!--', '-->', '&lt;script&gt;', '<![CDATA[', E'\x01\x1b', '"onload="x"']) AS hostile,
	LATERAL (VALUES (hamnet_svg('CCO', jsonb_build_object('legend', hostile))), (hamnet_svg_grid('{CCO}', ARRAY[hostile]))) AS v (picture);

-- grids
SELECT ok(is_svg(hamnet_svg_grid('{CCO,CCN,NULL,c1ccccc1}')), 'molecules are drawn side by side');
SELECT matches(hamnet_svg_grid('{CCO,CCN,CCC,CCF,CCCl}', '{}', '{"width": 100, "height": 50, "columns": 2}'), 'width=''200'' height=''150''', 'a grid has columns and rows');
SELECT is(texts(hamnet_svg_grid('{CCO,NULL}', '{ethanol,nothing}')), '{ethanol,nothing}', 'a grid has legends');
SELECT ok(is_svg(hamnet_svg_grid('{}')), 'an empty grid is a picture too');

-- errors
SELECT throws_ok($$SELECT hamnet_svg('C1CC')$$, '22P02', NULL, 'hamnet_svg refuses an invalid SMILES');
SELECT throws_ok($$SELECT hamnet_svg_grid('{CCO,C1CC}')$$, '22P02', NULL, 'hamnet_svg_grid refuses an invalid SMILES');
SELECT throws_like($$SELECT hamnet_svg(repeat('C', 301))$$, '%more than the limit of 300 for a%', 'hamnet_svg refuses what is too large');
SELECT throws_ok($$SELECT hamnet_svg('CCO', '{"atoms": [4]}')$$, '22023', 'atom 4 is to be highlighted, but the molecule has atoms 1 to 3', 'atoms must exist');
SELECT throws_ok($$SELECT hamnet_svg('CCO', '{"weights": [4, true]}')$$, '22023', 'option "weights" is not an array of numbers', 'weights are numbers');
SELECT throws_ok($$SELECT hamnet_svg('CCO', '{"smarts": "[C"}')$$, '22023', NULL, 'a pattern must be SMARTS');
SELECT throws_ok($$SELECT hamnet_svg_grid('{CCO}', '{a,b}')$$, '2202E', 'there are 2 legends for 1 molecules', 'each molecule has a legend');
SELECT throws_ok($$SELECT hamnet_svg_grid('{CCO}', '{}', '{"legend": "x"}')$$, '22023', 'unrecognized option "legend"', 'a grid has no legend of its own');

SELECT * FROM finish();
ROLLBACK;
