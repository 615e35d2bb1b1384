# Many at a time: models replaced, dropped and rolled back under those who use
# them, indexes built concurrently under load, and the extension dropped under
# a training. What sessions see of each other step by step is in test/isolation.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my $seconds = $full ? 60 : 6;

my $node = PostgreSQL::Test::Cluster->new('concurrency');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nfsync = off\nmax_worker_processes = 16\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet; ALTER DATABASE postgres SET client_min_messages = error');

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';

# Three versions of a model, which differ in the last weights; what each computes is known. "never" is never committed.
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE known AS SELECT v AS version, set_byte(w, octet_length(w) - 2, get_byte(w, octet_length(w) - 2) # v) AS weights,
		NULL::text AS id, NULL::hfp AS fp, NULL::float8[] AS predictions FROM (SELECT '\\x$weights'::bytea AS w) AS f, generate_series(0, 2) AS v;
	ALTER TABLE known ADD never boolean;
	UPDATE known SET never = version = 2;
	DO \$\$
	DECLARE
		v int;
	BEGIN
		FOR v IN 0 .. 2 LOOP
			UPDATE known SET id = hamnet_load_model('m', weights, true) WHERE version = v;
			UPDATE known SET fp = hamnet_fingerprint('CCO', 'm'), predictions = (SELECT array_agg(value) FROM hamnet_predictions('CCO', 'm')) WHERE version = v;
		END LOOP;
		PERFORM hamnet_load_model('m', weights, true) FROM known WHERE version = 0;
	END \$\$;
	CREATE TABLE assay AS SELECT repeat('C', n) || s AS smiles, n * 0.5 AS y FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N']) AS s;
	CREATE TABLE compound AS SELECT n, 'CCO' AS smiles, NULL::hfp AS fp FROM generate_series(1, 20) AS n;
	CREATE FUNCTION check_known(f hfp, p float8[]) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		IF NOT EXISTS (SELECT FROM known WHERE NOT never AND (f IS NULL OR fp = f AND left(id, 8) = hamnet_model_of(f)) AND (p IS NULL OR predictions = p)) THEN
			RAISE EXCEPTION 'no committed model gives % and %', f, p;
		END IF;
	END \$\$;});

# Wrap statements: that the model is gone, or another one enriches the table, is an answer, anything else is none.
sub block
{
	my ($statements) = @_;

	return "DO \$\$ BEGIN $statements EXCEPTION WHEN undefined_object OR object_in_use THEN NULL; END \$\$;";
}

$node->pgbench(
	"--no-vacuum --client=8 --jobs=2 --time=$seconds",
	0,
	[qr{number of transactions actually processed: \d}],
	[qr{^$}],
	'models change under those who use them',
	{
		'060_named@6' => block(q{PERFORM check_known(hamnet_fingerprint('CCO', 'm'), NULL);}),
		'060_pinned@4' => block(q{PERFORM check_known(hamnet_fingerprint_pinned('CCO', (SELECT id FROM known WHERE NOT never ORDER BY random() LIMIT 1)), NULL);}),
		'060_predictions@3' => block(q{PERFORM check_known(NULL, (SELECT array_agg(value) FROM hamnet_predictions('CCO', 'm')));}),
		'060_query@2' => block(q{PERFORM check_known(fp, NULL) FROM hamnet_fingerprint_query('SELECT smiles, pg_sleep(0.01)::text FROM compound LIMIT 3', 'm') AS (smiles text, slept text, fp hfp);}),
		'060_repeatable@2' => q{
			BEGIN ISOLATION LEVEL REPEATABLE READ;
			SELECT count(*) AS there FROM hamnet_models() WHERE name = 'm' \gset
			SELECT pg_sleep(0.02);
			SELECT 1 / (count(*) = :there)::int FROM hamnet_models() WHERE name = 'm';
			\if :there
			SELECT check_known(hamnet_fingerprint('CCO', 'm'), NULL);
			\endif
			COMMIT;},
		'060_enrich@1' => block(q{UPDATE compound SET fp = NULL WHERE n IN (SELECT n FROM compound ORDER BY random() LIMIT 2 FOR UPDATE SKIP LOCKED);
			CALL hamnet_enrich('compound', 'smiles', 'fp', '{"model": "m"}');}),
		'060_train@1' => block(q{CALL hamnet_train('t' || pg_backend_pid(), 'SELECT smiles, y FROM assay', '{"base": "m", "head": "mlp", "units": 4, "epochs": 1, "workers": 1}');}),
		'060_evaluate@1' => block(q{PERFORM 1 / (count(*) = 3)::int FROM hamnet_evaluate('m', 'SELECT smiles, y AS solubility FROM assay');}),
		'060_replace@3' => block(q{PERFORM hamnet_load_model('m', weights, true) FROM known WHERE NOT never ORDER BY random() LIMIT 1;}),
		'060_drop@1' => block(q{PERFORM hamnet_drop_model('m');}),
		'060_rollback@2' => q{
			BEGIN;
			SELECT hamnet_load_model('m', weights, true) FROM known WHERE never;
			SELECT 1 / (hamnet_fingerprint('CCO', 'm') = fp)::int FROM known WHERE never;
			ROLLBACK;}
	});
is($node->safe_psql('postgres', 'SELECT count(*) FROM compound WHERE fp IS NOT NULL AND fp <-> (SELECT (fp::real[])::hfp FROM known WHERE version = 0) > 1e-4'), 0,
	'what was stored meanwhile is right');
is($node->safe_psql('postgres', q{SELECT bool_and(state = 'done' OR state = 'interrupted') FROM hamnet_training_runs()}), 't', 'trainings ended');

# Indexes are built concurrently under load.

$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION random_hfp() RETURNS hfp LANGUAGE sql VOLATILE AS
		'SELECT array_agg(a * sin(j) + b * cos(j) + 0.1 * random())::hfp FROM (SELECT random() AS a, random() AS b) AS latent, generate_series(1, 24) AS j';
	CREATE TABLE vector (id serial PRIMARY KEY, fp hfp);
	INSERT INTO vector (fp) SELECT random_hfp() FROM generate_series(1, 3000);
	CREATE TABLE query AS SELECT random_hfp() AS q FROM generate_series(1, 4);});

my @indexes = (
	[ 'vector_l2', 'hamnet (fp)', '<->' ], [ 'vector_cosine', 'hamnet (fp hfp_cosine_ops)', '<=>' ],
	[ 'vector_gist', 'gist (fp gist_hfp_tanimoto_ops)', '<%>' ]);
my $builds = $node->basedir . '/builds.sql';
append_to_file($builds, join('', map {"CREATE INDEX CONCURRENTLY $_->[0] ON vector USING $_->[1];\n"} @indexes)
	  . join('', map {"REINDEX INDEX CONCURRENTLY $_->[0];\n"} @indexes)
	  . join('', map {"DROP INDEX CONCURRENTLY $_->[0];\nCREATE INDEX CONCURRENTLY $_->[0] ON vector USING $_->[1];\n"} @indexes));
my $build = IPC::Run::start([ 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', "--file=$builds", '--dbname', $node->connstr('postgres') ],
	'<', \undef, '>', \my $out, '2>', \my $err);

$node->pgbench(
	"--no-vacuum --client=4 --jobs=2 --time=$seconds",
	0,
	[qr{number of transactions actually processed: \d}],
	[qr{^$}],
	'rows change while indexes are built',
	{
		'060_insert@3' => 'INSERT INTO vector (fp) SELECT random_hfp() FROM generate_series(1, 5);',
		'060_update@2' => 'UPDATE vector SET fp = random_hfp() WHERE id IN (SELECT id FROM vector ORDER BY random() LIMIT 3 FOR UPDATE SKIP LOCKED);',
		'060_delete@2' => 'DELETE FROM vector WHERE id IN (SELECT id FROM vector ORDER BY random() LIMIT 6 FOR UPDATE SKIP LOCKED);',
		'060_abort@1' => 'BEGIN; INSERT INTO vector (fp) SELECT random_hfp() FROM generate_series(1, 20); ROLLBACK;',
		'060_vacuum@1' => 'VACUUM vector;'
	});
$build->finish;
is($build->result(0), 0, 'indexes are built while rows are written') or diag($err);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_index WHERE indrelid = 'vector'::regclass AND indisvalid}), 4, 'indexes built while rows are written are valid');
foreach my $index (@indexes)
{
	my ($name, undef, $operator) = @$index;
	my $search = qq{
		SELECT string_agg(d, E'\\n') FROM query, LATERAL (SELECT (fp $operator q)::text AS d FROM vector ORDER BY fp $operator q LIMIT 300) AS s;
		SELECT count(*) FROM (SELECT fp FROM vector ORDER BY fp $operator (SELECT q FROM query LIMIT 1)) AS s;};

	like($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN $search"), qr/Index Scan using $name/, "$name is used");
	is( $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; $search"),
		$node->safe_psql('postgres', "SET enable_indexscan = off; SET enable_bitmapscan = off; $search"),
		"$name is exact");
}
is($node->safe_psql('postgres', q{SELECT hamnet_index_check('vector_l2') = count(*) AND hamnet_index_check('vector_cosine') = count(*) FROM vector}), 't', 'indexes built while rows are written are sound');

# The extension is dropped under a training, and under hamnet_enrich: one waits
# for the other, or ends with an error of its own.

$node->safe_psql('postgres', qq{
	CREATE TABLE nci (smiles text, id int);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	DELETE FROM nci WHERE hamnet_smiles_error(smiles) IS NOT NULL;});
foreach my $call ("hamnet_train('n', 'SELECT smiles, id AS y FROM nci', '{\"head\": \"full\", \"base\": \"scratch\", \"dim\": 16, \"checkpoint\": 0}')",
	"hamnet_enrich('nci', 'smiles', 'fp', '{\"workers\": 2, \"batch_rows\": 20}')")
{
	my ($what) = $call =~ /^(\w+)/;
	my ($stdout, $stderr) = ('', '');

	$node->safe_psql('postgres', 'ALTER TABLE nci ADD fp hfp');
	my $session = IPC::Run::start([ 'psql', '--no-psqlrc', '--quiet', '--set=VERBOSITY=verbose', '--command', "CALL $call", '--dbname', $node->connstr('postgres') ],
		'<', \undef, '>', \$stdout, '2>', \$stderr);
	$node->poll_query_until('postgres', $what eq 'hamnet_train' ? 'SELECT count(*) >= 1 FROM hamnet_training_log()'
		: 'SELECT count(*) = 1 FROM hamnet_enrich_progress() WHERE rows_filled > 0') or die "$what did not start";
	my ($status, undef, $error) = $node->psql('postgres', '\set VERBOSITY verbose
		SET client_min_messages = error; DROP EXTENSION hamnet CASCADE');
	$session->finish;
	unlike("$error$stderr", qr/XX\d\d\d:|FATAL|PANIC|terminated/, "$what: the extension is dropped, or stays, without harm");
	like($error . $stderr, qr/ERROR:  (?:42\w{3}|40P01|55\w{3}):/, "$what: somebody is told why");
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'hamnet%'}) or die 'workers go on';
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP EXTENSION IF EXISTS hamnet CASCADE; CREATE EXTENSION hamnet');
	is($node->safe_psql('postgres', q{SELECT hamnet_norm(hamnet_fingerprint('CCO')) > 0}), 't', "$what: and is made again");
}

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|XX000/, 'no process was lost');
$node->stop;
done_testing();
