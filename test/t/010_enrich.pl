# hamnet_enrich fills a table, whatever happens to it meanwhile: the same
# fingerprints from one process or several, nothing lost and nothing wrong after
# a cancel or a crash, and never a fingerprint of another SMILES.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/../perl";
use Crash;
use Time::HiRes qw(usleep);

my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';

my $node = PostgreSQL::Test::Cluster->new('enrich');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_worker_processes = 8\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');

# The small model is quick; the built-in one takes long enough to be stopped.
my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
$node->safe_psql(
	'postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE nci (smiles text, id int PRIMARY KEY);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	INSERT INTO nci VALUES ('C1CC', -1), ('', -2), (repeat('C', 1001), -3), (NULL, -4);
	CREATE TABLE reference AS SELECT id, hamnet_try_fingerprint(smiles, 'small') AS small,
		CASE WHEN id < 1500 THEN hamnet_try_fingerprint(smiles) END AS fp
		FROM nci WHERE id > 0;
	-- how far two fingerprints are apart, in units of the largest element
	CREATE FUNCTION deviation(hfp, hfp) RETURNS double precision LANGUAGE sql AS
		'SELECT max(abs(a - b)) / greatest(1, max(abs(b))) FROM unnest(\$1::real[], \$2::real[]) AS u (a, b)'});

# A fresh table of so many molecules, all without fingerprints.
sub fresh
{
	my ($table, $rows) = @_;

	$node->safe_psql('postgres',
		"DROP TABLE IF EXISTS $table; CREATE TABLE $table AS SELECT id, smiles, NULL::hfp AS fp, NULL::text AS why"
		  . " FROM nci ORDER BY id LIMIT $rows; ALTER TABLE $table ADD PRIMARY KEY (id)");
}

# The same, where each row takes two milliseconds to write: time to stop a call on any machine.
$node->safe_psql('postgres', 'CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS '
	  . q{'BEGIN PERFORM pg_catalog.pg_sleep(0.002); RETURN NEW; END'});

sub fresh_and_slow
{
	my ($table, $rows) = @_;

	fresh($table, $rows);
	$node->safe_psql('postgres', "CREATE TRIGGER slowly BEFORE UPDATE OF fp ON $table FOR EACH ROW EXECUTE FUNCTION slowly()");
}

sub enrich
{
	my ($table, $options, %psql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql('postgres', "CALL hamnet_enrich('$table', 'smiles', 'fp', '$options')",
		stdout => \$stdout, stderr => \$stderr, %psql);

	return ($status, $stderr);
}

# Rows whose fingerprint is missing though the reference has one, or the reverse, or differs.
sub wrong_rows
{
	my ($table, $model) = (@_, 'fp');

	return $node->safe_psql('postgres',
		"SELECT count(*) FROM $table AS t LEFT JOIN reference AS r USING (id)"
		  . " WHERE (r.$model IS NULL) <> (t.fp IS NULL) OR deviation(r.$model, t.fp) > 1e-5");
}

# Start a call in a session of its own and wait until it has filled something.
sub start_call
{
	my ($table, $options) = @_;
	my %call = (stdout => '', stderr => '');

	$call{handle} = IPC::Run::start(
		[ 'psql', '--no-psqlrc', '--dbname', $node->connstr('postgres'), '--command', "CALL hamnet_enrich('$table', 'smiles', 'fp', '$options')" ],
		'<', \undef, '>', \$call{stdout}, '2>', \$call{stderr});
	$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM hamnet_enrich_progress() WHERE rows_filled > 0')
	  or die "hamnet_enrich of $table was never seen at work";
	$call{pid} = $node->safe_psql('postgres', 'SELECT pid FROM hamnet_enrich_progress()');
	return \%call;
}

sub filled
{
	my ($table) = @_;

	return $node->safe_psql('postgres', "SELECT count(fp) FROM $table");
}

sub worker_pids
{
	return split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'hamnet enrich'});
}

# The same, alone and with workers

foreach my $workers (0, 1, 2)
{
	fresh("by_$workers", 6000);
	my ($status, $stderr) = enrich("by_$workers", qq({"model": "small", "workers": $workers, "error_column": "why"}));

	is($status, 0, "$workers workers: ends well");
	like($stderr, qr/NOTICE:  hamnet_enrich: filled 49\d\d of 50\d\d rows/, "$workers workers: says what it did");
	is(wrong_rows("by_$workers", 'small'), 0, "$workers workers: the fingerprints of hamnet_fingerprint");
	is($node->safe_psql('postgres', "SELECT count(*) FROM by_$workers WHERE (why IS NULL) = (fp IS NULL) AND smiles IS NOT NULL"),
		0, "$workers workers: a reason for each row without, and only for them");
	is(scalar(worker_pids()), 0, "$workers workers: none is left");
}
is($node->safe_psql('postgres', 'SELECT string_agg(why, E\'\n\' ORDER BY id DESC) FROM by_2 WHERE id < 0'),
	qq{invalid SMILES: unclosed ring\ninvalid SMILES: it is empty\nmolecule has 1001 atoms, more than the limit of 1000},
	'reasons are told');
is($node->safe_psql('postgres', "SELECT string_agg(reason, E'\\n' ORDER BY smiles) FROM hamnet_enrich_report('by_0', 'smiles', 'fp')"),
	$node->safe_psql('postgres', 'SELECT string_agg(why, E\'\n\' ORDER BY smiles) FROM by_0'),
	'the report tells the same reasons');

fresh('asked', 1000);
enrich('asked', q({"model": "small", "workers": 2, "where": "id % 7 IN (2, 3)", "error_column": "why"}));
is($node->safe_psql('postgres', 'SELECT count(*) FILTER (WHERE id % 7 NOT IN (2, 3) AND (fp IS NOT NULL OR why IS NOT NULL)), count(*) FILTER (WHERE id % 7 IN (2, 3) AND fp IS NULL AND why IS NULL) FROM asked'),
	'0|0', 'option where says which rows workers read');

# A second call has nothing to do, and does not try invalid rows again unless asked

like((enrich('by_2', '{"model": "small", "error_column": "why"}'))[1], qr/filled 0 of 0 rows/, 'nothing is left for a second call');
like((enrich('by_2', '{"model": "small", "error_column": "why", "retry": true}'))[1], qr/filled 0 of (\d+) rows.*\b\1 rows have no usable/s, 'retry tries again, each row once');
$node->safe_psql('postgres', q{UPDATE by_2 SET smiles = 'CCO', why = NULL WHERE id = -1});
like((enrich('by_2', '{"model": "small", "error_column": "why"}'))[1], qr/filled 1 of 1 rows/, 'a corrected row is filled');
$node->safe_psql('postgres', q{UPDATE by_2 SET smiles = 'CCO' WHERE id = -2});
enrich('by_2', '{"model": "small", "error_column": "why", "retry": true}');
is($node->safe_psql('postgres', 'SELECT fp IS NOT NULL AND why IS NULL FROM by_2 WHERE id = -2'), 't', 'a retry fills a row and clears its reason');

# Predictions: with the fingerprints, later, or alone; what is there is not overwritten

$node->safe_psql('postgres', q{
	CREATE TABLE predicted AS SELECT id, smiles, NULL::hfp AS fp FROM nci WHERE id BETWEEN 1 AND 300;
	CALL hamnet_enrich('predicted', 'smiles', 'fp', '{"model": "small"}');
	UPDATE predicted SET fp = NULL WHERE id % 3 = 0;
	ALTER TABLE predicted ADD solubility real, ADD s numeric(8,2);
	UPDATE predicted SET s = -99.99 WHERE id % 10 = 0;
	CREATE TABLE before AS TABLE predicted;
	CALL hamnet_enrich('predicted', 'smiles', 'fp', '{"model": "small", "predictions": {"solubility": "s"}, "workers": 2}');
	CALL hamnet_enrich('predicted', 'smiles', NULL, '{"model": "small", "predictions": ["solubility"], "workers": 0}');});
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM predicted AS t JOIN before AS b USING (id), hamnet_predict(t.smiles, 'solubility', 'small') AS p
	WHERE t.fp IS NULL OR t.s IS NULL OR t.solubility IS NULL OR abs(t.solubility - p) > 1e-5 * greatest(1, abs(p))
		OR b.s IS NULL AND abs(t.s - p) > 0.00502 OR b.s <> t.s OR b.fp <> t.fp}), 0, 'predictions fill what is missing, and nothing else');
is($node->safe_psql('postgres', q{SELECT count(*) FROM predicted WHERE s = -99.99}),
	$node->safe_psql('postgres', q{SELECT count(*) FROM before WHERE s = -99.99}), 'a value that is there stays');

# A kernel head reads descriptors and counts of substructures beside the fingerprint
$node->safe_psql('postgres', q{
	CALL hamnet_train('kernel', 'SELECT smiles, length(smiles)::float8 AS y FROM nci WHERE id BETWEEN 1 AND 60', '{"head": "kernel", "validation": "none"}');
	ALTER TABLE predicted ADD y float8;
	DELETE FROM predicted WHERE id > 100;
	CALL hamnet_enrich('predicted', 'smiles', NULL, '{"model": "kernel", "predictions": ["y"]}');});
is($node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE y IS NULL OR abs(y - hamnet_predict(smiles, 'y', 'kernel')) > 1e-4 * greatest(1, abs(y))) FROM predicted}), 0,
	'kernel heads predict in batches what they predict singly');

# Cancel, timeout and terminate: what is committed stays, no worker does, the same call goes on

foreach my $stop ('pg_cancel_backend', 'pg_terminate_backend')
{
	foreach my $workers (0, 2)
	{
		fresh_and_slow('stopped', 1400);
		my $call = start_call('stopped', qq({"workers": $workers, "batch_rows": 20}));

		$node->safe_psql('postgres', "SELECT $stop($call->{pid})");
		$call->{handle}->finish;
		like($call->{stderr}, qr/ERROR:  canceling|FATAL:  terminating/, "$stop, $workers workers: ends");
		$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hamnet enrich'});
		my $before = filled('stopped');
		cmp_ok($before, '>', 0, "$stop, $workers workers: committed rows stay");
		cmp_ok($before, '<', 1300, "$stop, $workers workers: it was not done");
		usleep(300_000);
		is(filled('stopped'), $before, "$stop, $workers workers: nobody goes on");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM hamnet_enrich_progress()'), 0, "$stop, $workers workers: no progress is shown");
	}
}
is((enrich('stopped', '{}'))[0], 0, 'the same call goes on');
is(wrong_rows('stopped'), 0, 'the same call leaves nothing out after it was stopped');

fresh_and_slow('stopped', 1400);
like((enrich('stopped', '{}"; SELECT 1', on_error_stop => 0))[1], qr/invalid input syntax for type json/, 'options are JSON');
{
	my ($stdout, $stderr);

	$node->psql('postgres', q{SET statement_timeout = '200ms'; CALL hamnet_enrich('stopped', 'smiles', 'fp')}, stderr => \$stderr);
	like($stderr, qr/ERROR:  canceling statement due to statement timeout/, 'statement_timeout ends a call');
	is(scalar(worker_pids()), 0, 'no worker is left after statement_timeout');
}

# A terminated worker, a killed worker, a killed leader

{
	my $call = start_call('stopped', '{"workers": 2, "batch_rows": 20}');
	my ($worker) = worker_pids();

	$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
	$call->{handle}->finish;
	like($call->{stderr}, qr/ERROR:  a background worker of hamnet_enrich ended before its work was done/, 'a terminated worker ends the call');
	is(scalar(worker_pids()), 0, 'no worker is left after one was terminated');
}
foreach my $victim ('worker', 'leader')
{
	fresh_and_slow('killed', 1400);
	my $call = start_call('killed', '{"workers": 2, "batch_rows": 20}');
	my $pid = $victim eq 'worker' ? (worker_pids())[0] : $call->{pid};

	my $logged = kill_process($node, $pid);
	$call->{handle}->finish;
	wait_until_recovered($node, $logged);
	is(scalar(worker_pids()), 0, "killed $victim: no worker comes back");
	cmp_ok(filled('killed'), '>', 0, "killed $victim: committed rows stay");
	is((enrich('killed', '{}'))[0], 0, "killed $victim: the same call goes on");
	is(wrong_rows('killed'), 0, "killed $victim: and leaves nothing out, and nothing wrong");
}

# Other sessions change, delete and add rows meanwhile

{
	fresh_and_slow('changing', 1400);
	my $call = start_call('changing', '{"workers": 2, "batch_rows": 20}');
	my $changed = 0;

	foreach my $turn (1 .. 40)
	{
		my $atoms = 5 + $turn;

		$changed += $node->safe_psql(
			'postgres', qq{
			WITH u AS (UPDATE changing SET smiles = repeat('C', $atoms) WHERE id % 40 = $turn % 40 AND fp IS NULL RETURNING 1)
			SELECT count(*) FROM u});
		$node->safe_psql('postgres', "DELETE FROM changing WHERE id % 401 = $turn;"
			  . " INSERT INTO changing (id, smiles) VALUES (100000 + $turn, repeat('N', 2) || repeat('C', $turn))");
		last if !$call->{handle}->pumpable;
	}
	$call->{handle}->finish;
	is($call->{handle}->result(0), 0, 'concurrent changes: ends well');
	cmp_ok($changed, '>', 0, 'concurrent changes: some came before their fingerprint');
	enrich('changing', '{}');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM changing WHERE id > 0 AND fp IS NULL AND hamnet_try_fingerprint(smiles) IS NOT NULL'), 0,
		'concurrent changes: all rows filled');
	is( $node->safe_psql('postgres', q{
			SELECT count(*) FROM changing LEFT JOIN nci USING (id) LEFT JOIN reference AS r USING (id)
			WHERE deviation(changing.fp, CASE WHEN nci.smiles = changing.smiles THEN r.fp ELSE hamnet_fingerprint(changing.smiles) END) > 1e-5}),
		0, 'concurrent changes: each fingerprint is that of its SMILES');
}

# Who may: SELECT and UPDATE are needed and suffice; policies hold in the workers; triggers run with the caller's rights

fresh('guarded', 600);
$node->safe_psql(
	'postgres', q{
	CREATE ROLE chemist NOLOGIN;
	CREATE ROLE reader NOLOGIN;
	GRANT SELECT ON guarded TO reader, chemist;
	GRANT UPDATE (fp) ON guarded TO chemist;
	ALTER TABLE guarded ADD written_by text;
	CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN NEW.written_by := current_user || ' ' || current_setting('search_path') || ' ' || pg_backend_pid(); RETURN NEW; END$$;
	CREATE TRIGGER note_writer BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION note_writer();
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
	CREATE POLICY even ON guarded TO chemist USING (id % 2 = 0);});
{
	my ($stdout, $stderr);

	$node->psql('postgres', q{SET ROLE reader; CALL hamnet_enrich('guarded', 'smiles', 'fp')}, stderr => \$stderr);
	like($stderr, qr/ERROR:  permission denied for table guarded/, 'without UPDATE nothing is done');
	$node->psql('postgres', q{SET ROLE chemist; SET search_path = public, pg_temp; CALL hamnet_enrich('guarded', 'smiles', 'fp', '{"workers": 2}')}, stderr => \$stderr);
	like($stderr, qr/filled 3\d\d of 3\d\d rows|filled 2\d\d of 2\d\d rows/, 'SELECT on the table and UPDATE of the column suffice');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM guarded WHERE fp IS NOT NULL AND id % 2 <> 0'), 0, 'policies hold in the workers');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM guarded WHERE fp IS NULL AND id % 2 = 0 AND hamnet_try_fingerprint(smiles) IS NOT NULL}), 0, 'what they show is filled');
	is($node->safe_psql('postgres', q{SELECT DISTINCT substring(written_by FROM '^.* ') FROM guarded WHERE fp IS NOT NULL}), 'chemist public, pg_temp ',
		'triggers see the caller and its search path');
}
$node->safe_psql(
	'postgres', q{
	UPDATE guarded SET fp = NULL;
	CREATE OR REPLACE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RESET ROLE; RETURN NEW; END$$;});
{
	my ($stdout, $stderr);

	$node->psql('postgres', q{SET ROLE chemist; CALL hamnet_enrich('guarded', 'smiles', 'fp', '{"workers": 1}')}, stderr => \$stderr);
	like($stderr, qr/ERROR:  cannot set parameter "role" within security-/, 'a trigger in a worker cannot become the one who logged in');
}
$node->safe_psql(
	'postgres', q{
	CREATE OR REPLACE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN RAISE EXCEPTION 'not %', OLD.id USING ERRCODE = 'H0001', DETAIL = 'no detail', HINT = 'no hint'; END$$;});
like((enrich('guarded', '{"workers": 2}'))[1], qr/ERROR:  not -?\d+\nDETAIL:  no detail\nHINT:  no hint\nCONTEXT:  .*background worker of hamnet_enrich/s,
	'an error in a worker becomes the caller\'s');

# Partitions, out-of-line and odd values, odd names

$node->safe_psql(
	'postgres', q{
	CREATE TABLE "Odd ""table" (id int, "the smiles" varchar, "F p" hfp(256)) PARTITION BY RANGE (id);
	CREATE TABLE low PARTITION OF "Odd ""table" FOR VALUES FROM (MINVALUE) TO (500);
	CREATE TABLE high PARTITION OF "Odd ""table" FOR VALUES FROM (500) TO (MAXVALUE) PARTITION BY HASH (id);
	CREATE TABLE high0 PARTITION OF high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE high1 PARTITION OF high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE TABLE none PARTITION OF "Odd ""table" DEFAULT;
	INSERT INTO "Odd ""table" SELECT id, smiles FROM nci WHERE id < 1500;
	INSERT INTO "Odd ""table" SELECT g, repeat(md5(g::text), 20000) FROM generate_series(9000, 9029) AS g;
	CALL hamnet_enrich('"Odd ""table"', 'the smiles', 'F p', '{"workers": 2}');
	ALTER TABLE "Odd ""table" RENAME "F p" TO fp});
is(wrong_rows('"Odd ""table"'), 0, 'partitions of partitions are filled');

# Sessions that cannot share their rows

is($node->psql('postgres', q{
		CREATE TEMP TABLE own AS SELECT id, smiles, NULL::hfp AS fp FROM nci WHERE id BETWEEN 1 AND 50;
		CALL hamnet_enrich('own', 'smiles', 'fp');
		DO $$BEGIN ASSERT (SELECT count(fp) > 40 FROM own); END$$}), 0, 'temporary tables are enriched by their session');
is($node->psql('postgres', q{
		CREATE TABLE uncommitted AS SELECT id, smiles, NULL::hfp AS fp FROM nci WHERE id BETWEEN 1 AND 50;
		BEGIN;
		UPDATE uncommitted SET smiles = 'CCO';
		CALL hamnet_enrich('uncommitted', 'smiles', 'fp');
		DO $$BEGIN ASSERT (SELECT count(fp) = count(*) FROM uncommitted); END$$;
		ROLLBACK;
		DO $$BEGIN ASSERT (SELECT count(fp) = 0 FROM uncommitted); END$$}), 0, 'a transaction block keeps all or nothing');
my $in_block = 'runs as one process and without commits inside a transaction block';
foreach my $case ([ '{}', 1 ], [ '{"workers": 0}', 0 ])
{
	my ($options, $notices) = @$case;
	my $said = '';

	$node->psql('postgres', "BEGIN; CALL hamnet_enrich('uncommitted', 'smiles', 'fp', '$options'); ROLLBACK", stderr => \$said);
	is(() = $said =~ /$in_block/g, $notices, "a transaction block, options $options: $notices notices that it has no workers");
}
unlike((enrich('uncommitted', '{}'))[1], qr/$in_block/, 'no such notice outside of a transaction block');
is($node->psql('postgres', q{
		DO $$BEGIN
			UPDATE uncommitted SET smiles = 'CCO';
			CALL hamnet_enrich('uncommitted', 'smiles', 'fp', '{"workers": 1}');
			ASSERT (SELECT count(fp) = count(*) FROM uncommitted);
		END$$}), 0, 'a DO block that may commit can use workers');

# More workers than the server has, and other isolation levels

fresh('crowded', 300);
my ($status, $stderr) = enrich('crowded', '{"workers": 64}');
is($status, 0, 'too many workers are no error');
like($stderr, qr/of 64 background workers could be started/, 'too many workers give a notice');
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'});
fresh('crowded', 300);
is((enrich('crowded', qq({"workers": $_})))[0], 0, "serializable sessions, $_ workers") foreach 0, 2;
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET default_transaction_isolation');

# Memory does not grow with the rows: many short molecules, in small batches

SKIP:
{
	skip 'no /proc', 1 unless -r "/proc/$$/status";
	$node->safe_psql('postgres', q{
		CREATE TABLE many AS SELECT g AS id, 'C' || repeat('C', g % 3) AS smiles, NULL::hfp AS fp FROM generate_series(1, 30000) AS g});
	my $call = start_call('many', '{"workers": 1, "model": "small"}');
	my ($worker) = worker_pids();
	my @sizes;

	while (defined $worker && open my $file, '<', "/proc/$worker/status")
	{
		my ($size) = join('', <$file>) =~ /^RssAnon:\s+(\d+) kB/m;

		last if !defined $size;
		push @sizes, $size;
		usleep(50_000);
	}
	$call->{handle}->finish;
	my $early = $sizes[ @sizes / 4 ] // 0;
	cmp_ok($sizes[-1] // 0, '<', $early + 8192, 'memory of a worker stays as it was (kB)');
	is(filled('many'), 30000, 'all of many rows are filled');
}

$node->stop;
done_testing();
