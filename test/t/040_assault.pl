# Whatever is thrown at the functions, they answer or end in an error of their
# own: no crash, no internal error, no NaN, no memory lost. A thousand mutants
# of each kind of input, ten thousand in the full form; inputs made to hurt; and
# NULL in place of each argument of each function.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my $mutants = $full ? 10_000 : 1_000;

my $node = PostgreSQL::Test::Cluster->new('assault');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';
my $stream = $node->basedir . '/stream';

# Inputs to begin with, and what mutates them. All by random(), from a fixed seed.
$node->safe_psql(
	'postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE assay AS SELECT repeat('C', n) || s AS smiles, n * 0.5 + ascii(s) AS y, n > 5 AS active
		FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N', 'Cl', 'c1ccccc1']) AS s;
	CREATE TABLE compound (id serial PRIMARY KEY, smiles text, fp hfp, s real, problem text);
	INSERT INTO compound (smiles) VALUES ('CCO'), ('C1CC'), (NULL);
	CREATE TABLE received (fp hfp);
	CREATE TABLE seed (kind text, content bytea, spread int, tokens text[]);
	CREATE TABLE molecule (smiles text, id int);
	COPY molecule FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');

	INSERT INTO seed SELECT 'smiles', convert_to(smiles, 'UTF8'), 1000,
			string_to_array('( ) [ ] = # : / \\ . % 1 2 3 9 %10 %99 + - ++ -3 \@ \@\@ \@SP1 \@OH25 H h c n o s p b Cl Br I * ~ & \$ { } [nH] [C\@H] [13C] '
				|| '[Fe+2] [2H] [999U] [#6] [#118] [H+] [Na+].[Cl-] -> >> | |\$_AV:\$| C1CC1 c1ccccc1 C1=CC=CC=C1 [Cu-4] [C-] [CH3:7] [te]', ' ')
				|| ARRAY[' ', E'\\n', E'\\t', E'\\u00e9', E'\\u2192']
		FROM molecule WHERE id % 100 = 0;
	INSERT INTO seed SELECT 'text', convert_to(content, 'UTF8'), 1000,
			string_to_array('[ ] , : - + . e E 0 1 9 1e38 1e39 1e-45 1e-400 -0 nan NaN inf -Infinity 0x1 1_0 00000000: ffffffff: { } "', ' ')
			|| ARRAY[' ', E'\\n', E'\\t', E'\\u00a0']
		FROM unnest(ARRAY['[0.5,0,1.25]', '1a2b3c4d:[0.5,0,1.25]', '[1]', ' [ 1e10 , -2.5E-3 ] ', '[' || repeat('0.25,', 300) || '1]']) AS content;
	INSERT INTO seed SELECT 'model', weights, CASE WHEN n < 8 THEN 9000 ELSE octet_length(weights) END,
			string_to_array('{ } [ ] " : , 0 -1 1 2 1e9 9999999999 null true false F32 F16 I64 U8 shape dtype data_offsets __metadata__ hamnet', ' ')
		FROM _hamnet_model, generate_series(1, 10) AS n WHERE name = 'small';
	INSERT INTO seed SELECT 'molblock', convert_to(hamnet_embed(smiles), 'UTF8'), 3000,
			string_to_array('0 1 -1 999 1000 nan inf 1e300 1.5 C Xx R# L A * M V2000 V3000 END CHG RAD ISO RGP ALS COUNTS BEGIN ATOM BOND', ' ')
			|| ARRAY[' ', E'\\n', E'\\nM  END\\n', E'\\nM  CHG  1   1  15\\n', E'\\nM  V30 ', E'\\n\$\$\$\$\\n', E'\\t', E'\\u00e9']
		FROM unnest(ARRAY['CCO', 'CC(=O)Oc1ccccc1C(=O)O', 'C[C\@H](N)C(=O)O', 'C/C=C\\C', '[Na+].[Cl-]', 'c1ccc2[nH]ccc2c1']) AS smiles;
	INSERT INTO seed SELECT 'options', convert_to(content, 'UTF8'), 500,
			string_to_array('{ } [ ] " : , -1 0 0.5 1 2 3 17 1e9 1e400 -1e400 null true false "none" "random" "scaffold" "kernel" "mlp" "full" "scratch" '
				|| '"small" "hamnet-engine" "s" "problem" "fp" "smiles" "ctid" "solubility" "y" head base dim units seed workers validation epochs batch '
				|| 'lr dropout members patience minutes checkpoint steps tau adj3 model predictions error_column retry batch_rows notice_seconds', ' ')
		FROM unnest(ARRAY['{"head": "full", "base": "scratch", "dim": 16, "units": 8, "epochs": 1, "seed": 3, "validation": "random"}',
			'{"head": "kernel", "validation": 0.2, "minutes": 1}', '{"head": "mlp", "members": 2, "workers": 1, "lr": 0.01, "dropout": 0, "batch": 8}',
			'{"epochs": 1, "dim": 8, "units": 8, "steps": 2, "tau": 0.1, "adj3": 0, "patience": 1, "checkpoint": 1}',
			'{"model": "small", "predictions": {"solubility": "s"}, "error_column": "problem", "retry": true, "batch_rows": 2, "notice_seconds": 0}']) AS content;
	INSERT INTO seed SELECT 'inchi', content, spread, tokens FROM seed WHERE kind = 'smiles';
	INSERT INTO seed SELECT 'smarts', convert_to(content, 'UTF8'), 300,
			string_to_array('( ) [ ] = # : ~ / \ . ! & , ; \$( {1-3} {-2} {4-} @ \@\@ @? -,= ;!@ x2 X3 v4 D2 H0 h1 R r6 +1 -- ^2 #6 C c N n * A a 1 2 %12 [OX2H] [\$(C=O)] [!\$(*#*)] '
				|| '[C:1] [#7,#8;R] z1 Z2 d3 >> 999999999 [r99999]', ' ') || ARRAY[' ', E'\n', E'\u00e9']
		FROM unnest(ARRAY['[CX3](=O)[OX2H1]', '[NX3;H2,H1;!\$(NC=O)]', '[\$([#6]1:[#6]:[#6]:[#6]:[#6]:[#6]:1)]', '[OX2H][#6X3]=[#6]', '[!#1;!#6]~[*;R]@[*;R]', 'C[C\@H](N)C(=O)O', '*1~*~*~*~1',
			'[\$([CX4][F,Cl,Br,I]),\$([NX3])]', 'F/C=C/F', '([#6].[#8])']) AS content;
	CREATE TABLE fitted AS SELECT hamnet_fingerprint(smiles, 'small') AS fp FROM molecule WHERE id % 50 = 7 AND hamnet_smiles_error(smiles) IS NULL;
	SELECT hamnet_fit_axes('SELECT fp FROM fitted');
	INSERT INTO seed SELECT 'axes', content, CASE WHEN n < 3 THEN 9 ELSE octet_length(content) END, string_to_array('0 00000000 x', ' ')
		FROM _hamnet_axes, generate_series(1, 5) AS n;
	COPY (SELECT hamnet_fingerprint(smiles, 'small') FROM molecule ORDER BY id LIMIT 2) TO '$stream' (FORMAT binary);
	INSERT INTO seed SELECT 'binary', pg_read_binary_file('$stream'), n, NULL FROM unnest(ARRAY[60, 60, 300]) AS n;

	-- One to four changes in a text or file
	CREATE FUNCTION mutate(content bytea, spread int, tokens text[]) RETURNS bytea LANGUAGE plpgsql VOLATILE AS \$f\$
	DECLARE
		place int;
		length int;
		token bytea;
	BEGIN
		FOR turn IN 1 .. 1 + floor(4 * random() ^ 2)::int LOOP
			place := 1 + floor(random() * least(spread, octet_length(content)))::int;
			length := 1 + floor(random() * CASE WHEN random() < 0.2 THEN 40 ELSE 4 END)::int;
			token := coalesce(convert_to(tokens[1 + floor(random() * cardinality(tokens))::int], 'UTF8'),
				set_byte(E'\\\\000', 0, floor(random() * 256)::int));
			CASE floor(random() * 7)::int
				WHEN 0 THEN
					content := overlay(content PLACING token FROM place FOR 0);
				WHEN 1 THEN
					content := overlay(content PLACING token FROM place FOR length);
				WHEN 2 THEN
					content := overlay(content PLACING '' FROM place FOR length);
				WHEN 3 THEN
					content := overlay(content PLACING substr(content, place, length) FROM place FOR 0);
				WHEN 4 THEN
					content := overlay(content PLACING substr(content, 1 + floor(random() * spread)::int, length) FROM place FOR length);
				WHEN 5 THEN
					content := CASE WHEN octet_length(content) >= place THEN set_byte(content, place - 1, floor(random() * 256)::int) ELSE token END;
				ELSE
					IF random() < 0.2 THEN
						content := substr(content, 1, place);
					END IF;
			END CASE;
		END LOOP;
		RETURN content;
	END \$f\$;

	-- Condition H0BAD: an answer is wrong. H0000: all is well, and what was done is to be undone.
	CREATE FUNCTION expect(right_ boolean, what text) RETURNS void LANGUAGE plpgsql AS \$f\$
	BEGIN
		IF right_ IS NOT TRUE THEN
			RAISE EXCEPTION '%', what USING ERRCODE = 'H0BAD';
		END IF;
	END \$f\$;
	CREATE FUNCTION finite(double precision) RETURNS boolean LANGUAGE sql IMMUTABLE AS
		'SELECT \$1 NOT IN (''NaN'', ''Infinity'', ''-Infinity'')';

	CREATE PROCEDURE try_smiles(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		smiles text := convert_from(content, 'UTF8');
		error text := hamnet_smiles_error(smiles);
		fp hfp;
	BEGIN
		IF error IS NULL THEN
			PERFORM expect(hamnet_canonical_smiles(smiles) <> '', 'a molecule has a canonical SMILES');
			PERFORM expect(bool_and(finite(value) IS NOT FALSE), 'descriptors are finite') FROM hamnet_descriptors(smiles);
			PERFORM expect(bool_and(finite(value)), 'predictions are finite') FROM hamnet_predictions(smiles, 'small');
			PERFORM expect(bool_and(finite(x + y + z)), 'coordinates are finite') FROM hamnet_engine_positions(smiles, 'small');
			IF length(smiles) <= 300 THEN
				PERFORM expect(hamnet_svg(smiles) LIKE '<svg %</svg>_', 'every molecule is drawn');
			END IF;
			-- RDKit cannot read all that it writes.
			IF length(smiles) <= 300 AND id % 20 = 0 AND hamnet_smiles_error(hamnet_canonical_smiles(smiles)) IS NULL THEN
				PERFORM expect(abs(sum(contribution) + max(baseline) - hamnet_predict(smiles, 'solubility', 'small')) < 1e-3 * (1 + abs(max(baseline))),
					'contributions add up') FROM hamnet_explain(smiles, 'solubility', 'small');
			END IF;
		END IF;
		fp := hamnet_try_fingerprint(smiles, 'small');
		PERFORM expect((fp IS NULL) = (error IS NOT NULL), 'hamnet_smiles_error knows');
		fp := CASE WHEN id % 4 = 0 THEN hamnet_fingerprint(smiles) ELSE hamnet_fingerprint(smiles, 'small') END;
		PERFORM expect(finite(hamnet_norm(fp)), 'a fingerprint is finite');
	END \$f\$;
	CREATE PROCEDURE try_text(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		fp hfp := convert_from(content, 'UTF8')::hfp;
	BEGIN
		PERFORM expect(fp = fp::text::hfp AND bool_and(finite(x)), 'a fingerprint is what its text says') FROM unnest(fp::real[]) AS x;
		PERFORM expect(finite(fp <-> fp) AND finite(fp <=> fp) AND finite(fp <#> fp) AND finite(fp <%> fp), 'distances are finite');
	END \$f\$;
	CREATE PROCEDURE try_binary(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		file oid := lo_from_bytea(0, content);
	BEGIN
		PERFORM lo_export(file, '$stream');
		EXECUTE 'COPY received FROM ''$stream'' (FORMAT binary)';
		PERFORM expect(count(*) = count(*) FILTER (WHERE fp IS NULL OR fp = fp::text::hfp AND finite(hamnet_norm(fp))), 'a fingerprint is received whole') FROM received;
		RAISE EXCEPTION 'accepted' USING ERRCODE = 'H0000';
	END \$f\$;
	CREATE PROCEDURE try_model(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	BEGIN
		PERFORM hamnet_load_model('mutant', content);
		PERFORM expect(finite(hamnet_norm(hamnet_fingerprint('CC(=O)Oc1ccccc1C(=O)O', 'mutant'))), 'a fingerprint is finite');
		PERFORM expect(bool_and(finite(value)), 'predictions are finite') FROM hamnet_predictions('CCO', 'mutant');
		PERFORM expect(bool_and(finite(kinetic + potential + dissipated)), 'energies are finite') FROM hamnet_trajectory('CCO', 'mutant');
		RAISE EXCEPTION 'accepted' USING ERRCODE = 'H0000';
	END \$f\$;
	CREATE PROCEDURE try_molblock(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	BEGIN
		PERFORM expect(count(*) = 2 AND bool_and(CASE WHEN n = 0 THEN value IS NULL ELSE n = 1 AND finite(value) END), 'errors are finite')
			FROM hamnet_evaluate_engine('small', format('SELECT %L::text', convert_from(content, 'UTF8')));
	END \$f\$;
	CREATE PROCEDURE try_options(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		options jsonb := convert_from(content, 'UTF8')::jsonb;
	BEGIN
		CASE id % 3
			WHEN 0 THEN
				CALL hamnet_enrich('compound', 'smiles', 'fp', options || CASE WHEN jsonb_typeof(options) = 'object' THEN '{"workers": 0}' ELSE '[]' END::jsonb);
				PERFORM expect(count(*) = 1, 'a fingerprint for each molecule') FROM compound WHERE (fp IS NOT NULL) AND smiles = 'CCO';
			WHEN 1 THEN
				CALL hamnet_train('mutant', 'SELECT smiles, y, active FROM assay LIMIT 9', options);
			ELSE
				CALL hamnet_train_engine('mutant', 'SELECT smiles, ''{0,0,0}''::real[] FROM assay LIMIT 9', options);
		END CASE;
		RAISE EXCEPTION 'accepted' USING ERRCODE = 'H0000';
	END \$f\$;

	CREATE PROCEDURE try_inchi(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		smiles text := convert_from(content, 'UTF8');
	BEGIN
		PERFORM expect(hamnet_inchi(smiles) LIKE 'InChI=1S/%', 'an InChI is a standard one');
		PERFORM expect(hamnet_inchikey(smiles) ~ '^[A-Z]{14}-[A-Z]{8}SA-[A-Z]\$', 'and so is its key');
	END \$f\$;
	CREATE PROCEDURE try_smarts(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		smarts text := convert_from(content, 'UTF8');
	BEGIN
		PERFORM expect(bool_and(hamnet_has_substructure(m, smarts) = (hamnet_count_substructure(m, smarts) > 0)), 'having is counting more than none')
			FROM unnest(ARRAY['CC(=O)Oc1ccccc1C(=O)O', 'C[C\@H](N)C([O-])=O.[Na+]', 'F/C=C/F', '*[2H]']) AS m;
	END \$f\$;
	CREATE PROCEDURE try_axes(content bytea, id int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		axes text := hamnet_load_axes(content);
		by_index text;
	BEGIN
		EXECUTE format('CREATE INDEX ON fitted USING gist (fp gist_hfp_l2_ops (axes = %L))', axes);
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_sort = off;
		by_index := (SELECT string_agg(d::text, ' ') FROM (SELECT fp <-> (SELECT fp FROM fitted LIMIT 1) AS d FROM fitted ORDER BY fp <-> (SELECT fp FROM fitted LIMIT 1)) AS s);
		PERFORM expect(by_index = (SELECT string_agg(d::text, ' ' ORDER BY d) FROM (SELECT fp <-> (SELECT fp FROM fitted LIMIT 1) AS d FROM fitted OFFSET 0) AS s),
			'an index with axes answers as a scan does');
		RAISE EXCEPTION 'accepted' USING ERRCODE = 'H0000';
	END \$f\$;

	CREATE FUNCTION memory_kb() RETURNS bigint LANGUAGE sql VOLATILE AS
		'SELECT substring(pg_read_file(''/proc/self/status'') FROM ''RssAnon:\\s+(\\d+)'')::bigint
		WHERE (pg_stat_file(''/proc/self/status'', true)).size IS NOT NULL';
	CREATE TABLE outcome (kind text, id int, state text, message text, content bytea);
	CREATE TABLE memory (kind text, growth bigint);

	-- Casts stand in expressions: PL/pgSQL loses memory with each of its own casts that fails.
	-- All mutants of a kind in one session, whose memory is taken after the first quarter and at the end.
	CREATE PROCEDURE assault(what text, mutants int) LANGUAGE plpgsql AS \$f\$
	DECLARE
		seeds seed[] := (SELECT array_agg(seed ORDER BY content, spread) FROM seed WHERE kind = what);
		seed seed;
		content bytea;
		state text;
		message text;
		used bigint;
	BEGIN
		PERFORM setseed(0.5);
		FOR i IN 1 .. mutants LOOP
			seed := seeds[1 + (i - 1) % cardinality(seeds)];
			content := mutate(seed.content, seed.spread, seed.tokens);
			state := '00000';
			BEGIN
				EXECUTE format('CALL try_%s(\$1, \$2)', what) USING content, i;
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			END;
			INSERT INTO outcome VALUES (what, i, state, CASE WHEN state NOT IN ('00000', 'H0000') THEN message END,
				CASE WHEN octet_length(content) < 10000 THEN content END);

			-- What a transaction remembers of the indexes that it rolled back is not the session's.
			IF i % 50 = 0 THEN
				COMMIT;
			END IF;
			IF i = mutants / 4 THEN
				used := memory_kb();
			END IF;
		END LOOP;
		INSERT INTO memory SELECT what, memory_kb() - used;
	END \$f\$;});

# What each kind may end in: an answer, or one of these errors.
my %kinds = (
	smiles => [qw(22P02 22021 54000 22003)],
	text => [qw(22P02 22021 22000 22003 54000)],
	binary => [qw(22P03 22P04 08P01 22000 54000 22003)],
	model => [qw(22P03 22003 2201G 54000)],
	molblock => [qw(22000 22021)],
	smarts => [qw(22021 22023 22P02 54000)],
	axes => [qw(22P03)],
	options => [qw(22P02 22P05 22021 22000 22023 22003 42703 42704 42804 42P16 428C9 55000 54001)]);

# hamnet may have been built without InChI's library.
$kinds{inchi} = $kinds{smiles} if $node->psql('postgres', q{SELECT hamnet_inchi('C')}) == 0;

my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');
my $sessions = join '', map {"CALL assault('$_', $mutants); SELECT pg_backend_pid();\n"} sort keys %kinds;
my ($status, $pids, $messages) = $node->psql('postgres', "SET client_min_messages = error;\n$sessions");

is($status, 0, 'the session has survived') or diag($messages);
is(scalar(keys %{ { map { $_ => 1 } split /\n/, $pids } }), 1, 'no session was restarted');
foreach my $kind (sort keys %kinds)
{
	my $allowed = join ', ', map {"'$_'"} '00000', 'H0000', @{ $kinds{$kind} };

	is($node->safe_psql('postgres', "SELECT count(*) FROM outcome WHERE kind = '$kind'"), $mutants, "$kind: all mutants were tried");
	is( $node->safe_psql(
			'postgres', qq{
			SELECT format('%s %s: %s', state, message, min(left(encode(content, 'escape'), 400))) FROM outcome
			WHERE kind = '$kind' AND state NOT IN ($allowed) GROUP BY state, message ORDER BY state, count(*) DESC LIMIT 20}),
		'', "$kind: answers, and errors of the input");
	my $states = $node->safe_psql('postgres', "SELECT string_agg(format('%s %s', state, n), ', ' ORDER BY n DESC)"
		  . " FROM (SELECT CASE state WHEN 'H0000' THEN '00000' ELSE state END AS state, count(*) AS n FROM outcome WHERE kind = '$kind' GROUP BY 1) AS s");
	like($states, qr/, /, "$kind: some are good and some are not");
	my $growth = $node->safe_psql('postgres', "SELECT growth FROM memory WHERE kind = '$kind'");
  SKIP:
	{
		skip 'no /proc here', 1 if $growth eq '';
		cmp_ok($growth, '<', 4096, "$kind: memory does not grow");
	}
	diag("$kind: $mutants mutants: $states; memory grew by $growth kB") if $full;
}

# Inputs made to hurt. Each ends in an answer or in an error of its own.

# Run statements in one session, each in a subtransaction; returns "SQLSTATE message" for each.
sub attempt
{
	my ($database, @statements) = @_;
	my $script = 'CREATE TEMP TABLE attempt (i int, state text, message text, ms float8);';

	foreach my $i (0 .. $#statements)
	{
		$script .= "DO \$do\$ DECLARE began timestamptz := clock_timestamp(); state text := '00000'; message text := '';\n"
		  . "BEGIN BEGIN EXECUTE \$statement\$$statements[$i]\$statement\$;\n"
		  . "EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT; END;\n"
		  . "INSERT INTO attempt VALUES ($i, state, message, 1000 * extract(epoch FROM clock_timestamp() - began)); END \$do\$;\n";
	}
	$script .= q{SELECT state || ' ' || left(regexp_replace(message, '\s+', ' ', 'g'), 200) || ' ' || ms::int FROM attempt ORDER BY i;};
	my ($result, $out, $err) = $node->psql($database, "SET client_min_messages = error;\n$script");
	is($result, 0, scalar(@statements) . ' statements in one session') or diag($err);
	return split /\n/, $out;
}

# Statements whose SQLSTATE must be a given one, or any error of the input.
sub hurts
{
	my ($what, @cases) = @_;
	my @answers = attempt('postgres', map { $_->[1] } @cases);

	foreach my $i (0 .. $#cases)
	{
		my ($state, $message) = ($answers[$i] // 'none') =~ /^(\S+) ?(.*)$/;
		my $allowed = $cases[$i][0];

		like($state, qr/^(?:$allowed)$/, "$what: " . substr($cases[$i][1], 0, 100)) or diag($message);
	}
}

hurts('SMILES', map { [ $_->[0], "SELECT hamnet_fingerprint($_->[1], 'small'), hamnet_try_fingerprint($_->[1], 'small') FROM (SELECT) AS s" ] }
	  [ '54000', q{repeat('C', 100000)} ],
	  [ '54000', q{repeat('[13CH4]', 14000)} ],
	  [ '22P02', q{repeat('C', 999) || '('} ],
	  [ '00000', q{repeat('C(', 998) || 'C' || repeat(')', 998)} ],
	  [ '22P02|54000', q{repeat('C(', 10000) || 'C' || repeat(')', 10000)} ],
	  [ '22P02|54000', q{'C' || repeat('(', 10000) || 'C' || repeat(')', 10000)} ],
	  [ '22P02|54000', q{repeat('(', 30000)} ],
	  [ '22P02|54000', q{repeat('[', 30000)} ],
	  [ '22P02|54000', q{'C' || repeat('=', 30000)} ],
	  [ '22P02|54000', q{'[' || repeat('9', 30000) || 'C]'} ],
	  [ '22P02|54000', q{'[C' || repeat('@', 30000) || ']'} ],
	  [ '22P02|54000', q{'[C' || repeat('+', 30000) || ']'} ],
	  [ '22P02|54000', q{repeat('>', 30000)} ],
	  [ '22P02|54000', q{repeat('C.', 15000) || 'C'} ],
	  [ '00000', q{repeat('C.', 999) || 'C'} ],
	  [ '54000', q{repeat('C.', 1000) || 'C'} ],
	  [ '22P02|54000', q{'C' || (SELECT string_agg('%(' || i || ')', '') FROM generate_series(1, 10000) i)} ],
	  [ '22P02|54000', q{'C' || (SELECT string_agg('%(' || i || ')', '') FROM generate_series(1, 4000) i)} ],
	  [ '22P02|54000', q{'C' || repeat('12', 8000) || 'C'} ],
	  [ '22P02|54000', q{(SELECT string_agg('C%(' || i || ')', '') || string_agg('C%(' || i || ')', '' ORDER BY i DESC) FROM generate_series(1, 10000) i)} ],
	  [ '00000|22P02', q{(SELECT string_agg('C%(' || i || ')', '') || string_agg('C%(' || i || ')', '' ORDER BY i DESC) FROM generate_series(1, 500) i)} ],
	  [ '22P02|54000', q{repeat('[H]', 10000)} ],
	  [ '22P02|54000', q{'C' || repeat('([H])', 6000)} ],
	  [ '22P02|54000', q{(SELECT string_agg((SELECT string_agg('%(' || least(i, j) * 100 + greatest(i, j) || ')', '') FROM generate_series(1, 40) j WHERE j <> i), 'C') FROM generate_series(1, 40) i)} ],
	  [ '22P02|54000', q{(SELECT string_agg('*' || (SELECT string_agg('%(' || least(i, j) * 100 + greatest(i, j) || ')', '') FROM generate_series(1, 40) j WHERE j <> i), '.') FROM generate_series(1, 40) i)} ],
	  [ '54000', q{'c1cNnnnn' || repeat('*', 40) || 'c1'} ],
	  [ '00000', q{repeat(' ', 50000000) || 'C' || repeat(E'\n', 1000000)} ],
	  [ '22P02|54000', q{repeat('C ', 50000000)} ],
	  map { [ '22P02', $_ ] } q{''}, q{' '}, q{E'C\nC'}, q{E'C\x01'}, q{'%'}, q{'['}, q{'C%'}, q{'C%('}, q{'[#999999999999999999999]'}, q{'[C+99999999999]'},
	  q{'[999999999999C]'}, q{'C%(99999999999)'}, q{'[C:99999999999999999999]'}, q{'é'}, q{'C|$;$|'});

hurts('hfp',
	map { [ $_->[0], "SELECT $_->[1]" ] }
	  [ '54000', q{('[' || repeat('1,', 1000000) || '1]')::hfp} ],
	  [ '22P02|54000', q{repeat('[', 1000000)::hfp} ],
	  [ '22P02|22003', q{('[' || repeat('1', 1000000))::hfp} ],
	  [ '22003', q{('[' || repeat('1', 1000000) || ']')::hfp} ],
	  [ '22P02|22003|00000', q{('[0.' || repeat('0', 1000000) || '1]')::hfp} ],
	  [ '22000', q{'{}'::real[]::hfp} ], [ '22004', q{'{NULL}'::real[]::hfp} ], [ '22000|2202E', q{'{{1,2},{3,4}}'::real[]::hfp} ],
	  [ '22003|22000', q{'{NaN}'::real[]::hfp} ], [ '22003|22000', q{'{1e300}'::float8[]::hfp} ],
	  [ '22023', q{'[1]'::hfp(0)} ], [ '22023', q{'[1]'::hfp(-1)} ], [ '22023', q{'[1]'::hfp(1000000)} ], [ '22000', q{'[1]'::hfp(2)} ],
	  [ '22000', q{'[1]'::hfp <-> '[1,2]'} ], [ '22000', q{'00000001:[1]'::hfp <-> '00000002:[1]'} ],
	  [ '22003|00000', q{sum(x) FROM unnest(ARRAY['[3e38]', '[3e38]']::hfp[]) AS x} ],
	  [ '22000', q{sum(x) FROM unnest(ARRAY['[1]', '[1,2]']::hfp[]) AS x} ],
	  [ '00000', q{sum(x) FROM unnest('{}'::hfp[]) AS x} ],
	  [ '00000', q{hamnet_fingerprints('{}')} ], [ '00000', q{hamnet_fingerprints(ARRAY[NULL, 'C1CC']::text[])} ],
	  [ '00000', q{hamnet_fingerprints('[3:4][0:1]={{CCO,C},{N,NULL}}')} ]);

hurts('models',
	map { [ '22P03|54000', "SELECT hamnet_load_model('m', $_)" ] }
	  q{''}, q{'\\x00'}, q{decode(repeat('00', 8), 'hex')}, q{decode(repeat('ff', 8), 'hex')}, q{decode(repeat('ff', 1000), 'hex')},
	  q{decode('0200000000000000', 'hex') || '{}'}, q{decode('ffffffffffffff7f', 'hex') || '{}'},
	  q{decode('a086010000000000', 'hex') || convert_to(repeat('[', 100000), 'UTF8')},
	  q!decode('a086010000000000', 'hex') || convert_to(repeat('{"":', 25000), 'UTF8')!,
	  q!decode('a086010000000000', 'hex') || convert_to(rpad('{"__metadata__": {"hamnet": "' || repeat('\\', 90000), 100000), 'UTF8')!,
	  q{decode(repeat('00', 50000000), 'hex')});
hurts('names', map { [ '42602|42622|42704|22023', $_ ] } q{SELECT hamnet_fingerprint('C', repeat('m', 1000000))}, q{SELECT hamnet_load_model(repeat('m', 1000000), '')},
	q{SELECT hamnet_drop_model(repeat('m', 1000000))}, q{SELECT hamnet_fingerprint_pinned('C', repeat('a', 1000000))}, q{SELECT hamnet_predict('C', repeat('m', 1000000))},
	q{SELECT hamnet_fingerprint('C', '')}, q{SELECT hamnet_predict('C', '', '')});

# Queries that are none, or not for reading, or that call what runs them
hurts('queries', map { my $query = $_; map { [ '(?!XX).*', $_ ] } "SELECT * FROM hamnet_evaluate('small', \$q\$$query\$q\$)", "SELECT * FROM hamnet_evaluate_engine('small', \$q\$$query\$q\$)",
	  "CALL hamnet_train('m', \$q\$$query\$q\$, '{\"head\": \"kernel\"}')", "CALL hamnet_train_engine('m', \$q\$$query\$q\$, '{\"epochs\": 1}')",
	  "SELECT * FROM hamnet_fingerprint_query(\$q\$$query\$q\$) AS (smiles text, fp hfp)", "SELECT hamnet_fit_axes(\$q\$$query\$q\$)" }
	'', ';', 'SELECT', 'SELECT 1; SELECT 2', 'COMMIT', 'DROP TABLE assay', 'EXPLAIN SELECT 1', 'VALUES (1, 2)', 'TABLE assay', 'nonsense', 'SELECT $1', q{SELECT NULL}, q{SELECT NULL AS smiles},
	q{SELECT NULL::text AS smiles}, q{SELECT '[1,2]'::hfp}, q{SELECT NULL::hfp}, q{SELECT 'CCO' AS smiles, 1 / 0.0 AS y}, q{SELECT 'CCO'::text AS smiles, 'NaN'::float8 AS y},
	q{SELECT smiles, y, y FROM assay}, q{SELECT smiles, ARRAY[]::real[] FROM assay}, q{SELECT smiles, '{NaN,Infinity,0}'::real[] FROM assay},
	q{INSERT INTO assay VALUES ('C', 1, true) RETURNING smiles, y}, q{DECLARE c CURSOR FOR SELECT 1}, q{SELECT smiles, (SELECT value FROM hamnet_evaluate('small', 'SELECT smiles, y AS solubility FROM assay') LIMIT 1) AS solubility FROM assay},
	q{SELECT smiles, hamnet_norm(hamnet_fingerprint(smiles)) AS solubility FROM assay}, q{SELECT hamnet_fingerprint(smiles, 'small') FROM assay}, "SELECT\tsmiles::varchar(3) FROM assay FOR UPDATE");

# Every byte, in a database that takes any
$node->safe_psql('postgres', q{CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'});
$node->safe_psql('bytes', 'CREATE EXTENSION hamnet');
is( $node->safe_psql(
		'bytes', q{
		SELECT count(*) FROM generate_series(1, 255) AS byte, unnest(ARRAY['C%s', '%sC', 'C[%s]C', '[%s', 'C%%(%s)C', '[C@%s]', '[#%s]', '[C:%s]']) AS form,
			format(form, chr(byte)) AS smiles, hamnet_smiles_error(smiles) AS error, hamnet_try_fingerprint(smiles) AS fp
		WHERE (error IS NULL) <> (fp IS NOT NULL) OR error ~ '[^ -~]'}),
	0, 'every byte is a SMILES or is refused in plain words');
is($node->safe_psql('bytes', q{SELECT count(hamnet_model_of(fp)) FROM (SELECT ('[' || chr(byte) || '1]')::hfp AS fp FROM generate_series(9, 13) AS byte) AS s}), 0, 'white space before numbers');

# NULL, an empty array and other edges in place of each argument of each
# function; new functions come by themselves.
$node->safe_psql(
	'postgres', q{
	UPDATE compound SET fp = hamnet_try_fingerprint(smiles, 'small');
	CREATE INDEX compound_fp ON compound USING hamnet (fp);
	CREATE FUNCTION sample(type text, name text, function text) RETURNS text LANGUAGE sql AS $$
		SELECT CASE
			WHEN name = 'query' AND type = 'text' THEN quote_literal('SELECT smiles, y AS solubility FROM assay')
			WHEN name IN ('model', 'name') THEN quote_literal('small')
			WHEN name = 'property' THEN quote_literal('solubility')
			WHEN name = 'model_id' THEN quote_literal((SELECT id FROM _hamnet_model LIMIT 1))
			WHEN name = 'table' THEN quote_literal('compound')
			WHEN name = 'smiles_column' THEN quote_literal('smiles')
			WHEN name = 'fp_column' THEN quote_literal('fp')
			WHEN name = 'options' THEN quote_literal(CASE function WHEN 'hamnet_enrich' THEN '{"model": "small", "workers": 0}'
				WHEN 'hamnet_train' THEN '{"head": "mlp", "base": "small", "units": 4, "epochs": 1, "workers": 1}' ELSE '{"epochs": 1, "workers": 1}' END)
			WHEN type = 'text' THEN quote_literal('CCO')
			WHEN type LIKE '%[]' THEN quote_literal('{1,2,1}')
			WHEN type = 'hfp' OR type = 'cstring' THEN quote_literal('[1,2]')
			WHEN type = 'hfp_ball' THEN quote_literal('<[1,2],3>')
			WHEN type = 'regclass' THEN quote_literal('compound_fp')
			WHEN type = 'boolean' THEN 'true'
			WHEN type = 'jsonb' THEN quote_literal('{}')
			WHEN type = 'bytea' THEN quote_literal('\x00')
			WHEN type IN ('internal', 'ghfp') THEN 'NULL'
			ELSE '1' END || '::' || CASE type WHEN 'internal' THEN 'internal' ELSE type END $$;
	CREATE FUNCTION edges(type text) RETURNS text[] LANGUAGE sql AS $$
		SELECT CASE
			WHEN type IN ('text', 'name') THEN ARRAY['', ' ', 'C', 'é', 'small', repeat('C', 12), repeat('c', 60), '"', '''', '%s']
			WHEN type = 'text[]' THEN ARRAY['{}', '{NULL}', '{""}', '{{C,N},{O,NULL}}', '[-5:-4]={C,C1CC}']
			WHEN type = 'cstring[]' THEN ARRAY['{}', '{NULL}', '{1,2}', '{x}', '{{1}}', '{99999999999}']
			WHEN type LIKE '%[]' THEN ARRAY['{}', '{NULL}', '{0}', '{-1}', '{{1,2},{3,4}}', '{1,1,1,1,1}', '{2147483647,2147483647,1}', '[3:5]={1,2,3}']
				|| CASE WHEN type ~ 'real|double|numeric' THEN ARRAY['{NaN}', '{Infinity,1,1}', '{3,1e300,NaN,1}', '{1e-300}'] ELSE '{}' END
			WHEN type IN ('integer', 'smallint', 'bigint', 'oid') THEN ARRAY['0', '2', '32767'] || CASE WHEN type <> 'oid' THEN ARRAY['-1'] END
				|| CASE WHEN type IN ('integer', 'bigint') THEN ARRAY['2147483647', '-2147483648'] END
			WHEN type IN ('real', 'double precision') THEN ARRAY['0', '-1', 'NaN', 'Infinity', '-Infinity', '1e-40', '3e38']
			WHEN type = 'hfp' THEN ARRAY['[0]', '[0,0]', '[3e38,3e38]', '[-3e38,1e-45]', '00000001:[1,2]', '[1,2,3]']
			WHEN type = 'hfp_ball' THEN ARRAY['<[0,0],0>', '<[1,2],Infinity>', '<[3e38,3e38],1e300>', '<00000001:[1,2],3>', '<[1],1>']
			WHEN type = 'hfp[]' THEN ARRAY['{}', '{NULL}', '{"[1]"}']
			WHEN type = 'bytea' THEN ARRAY['', '\x', '\xffffffffffffffffffff', '\x00000000000000000000000000000000']
			WHEN type = 'jsonb' THEN ARRAY['null', '[]', '1', '"x"', '{"x": 1}', '{"head": {}}', '{"predictions": {"a": null}}', '{"epochs": 1e400}', '[[[[[]]]]]']
			WHEN type = 'regclass' THEN ARRAY['0', 'compound', 'pg_class', 'compound_pkey', '99999']
			WHEN type = 'cstring' THEN ARRAY['', '[', '[]', '<', '<[1],>', '[1e999]']
			ELSE '{}' END $$;
	CREATE TABLE call AS
		WITH member AS (
			SELECT p.oid, p.proname, p.prokind, p.proisstrict, p.pronargs, p.proargnames,
				ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, i) ORDER BY i) AS types
			FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
			WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hamnet')
		), change AS (
			SELECT member.*, k, value FROM member, generate_series(1, pronargs) AS k,
				unnest(ARRAY[NULL] || edges(types[k])) AS value
		)
		SELECT row_number() OVER () AS id, oid, proname, proisstrict AND value IS NULL AND NOT 'internal' = ANY (types) AND NOT 'cstring' = ANY (types) AS must_be_null,
			format(CASE prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT num_nonnulls(v) FROM (SELECT %s(%s)) AS s (v)' END, oid::regproc,
				(SELECT string_agg(CASE WHEN i = k THEN coalesce(quote_literal(value), 'NULL') || '::' || types[i]
					ELSE sample(types[i], proargnames[i], proname) END, ', ' ORDER BY i) FROM generate_series(1, pronargs) AS i)) AS statement
		FROM change;
	CREATE TABLE answer (id bigint, state text, message text, found bigint);
	CREATE PROCEDURE call_all() LANGUAGE plpgsql AS $$
	DECLARE
		c call;
		state text;
		message text;
		found bigint;
		value int;
	BEGIN
		FOR c IN SELECT * FROM call ORDER BY id LOOP
			state := '00000';
			found := 0;
			BEGIN
				IF c.statement LIKE 'CALL%' THEN
					EXECUTE c.statement;
				ELSE
					FOR value IN EXECUTE c.statement LOOP
						found := found + value;
					END LOOP;
				END IF;
				RAISE EXCEPTION 'accepted' USING ERRCODE = 'H0000';
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			END;
			INSERT INTO answer VALUES (c.id, state, message, found);
		END LOOP;
	END $$;});
($status, undef, $messages) = $node->psql('postgres', 'SET client_min_messages = error; CALL call_all()');
is($status, 0, 'a session calls everything') or diag($messages);
my ($calls, $functions) = split /\|/, $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT oid) FROM call JOIN answer USING (id)');
cmp_ok($functions, '>', 60, "functions called: $functions, $calls times");
my $wrong = q{SELECT statement || ': ' || state || ' ' || message FROM call JOIN answer USING (id) WHERE};
is($node->safe_psql('postgres', "$wrong state LIKE 'XX%' OR state LIKE '58%' OR state LIKE '53%' ORDER BY id"), '', 'no argument makes an internal error');
is($node->safe_psql('postgres', "$wrong must_be_null AND (state <> 'H0000' OR found > 0) ORDER BY id"), '', 'what is strict answers NULL with NULL');

is(slurp_file($node->data_dir . '/postmaster.pid'), $postmaster, 'the server is the same');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|invalid memory alloc/, 'the server has lost no process');

$node->stop;
done_testing();
