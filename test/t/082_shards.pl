# What doc/scale.md says of shards behind postgres_fdw: they work at the same
# time, compute what is asked of their views, fill themselves, get models and
# axes by logical replication, and can be compared by dblink.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));

my $home = PostgreSQL::Test::Cluster->new('home');
my @shards = map { PostgreSQL::Test::Cluster->new("shard$_") } 0, 1;

foreach my $node ($home, @shards)
{
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "fsync = off\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');
}
plan skip_all => 'postgres_fdw and dblink are not installed'
  unless $home->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink')}) == 2;

my $directory = $home->basedir;
$home->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE EXTENSION dblink;
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE compound (shard int, id int, smiles text, fp hfp) PARTITION BY LIST (shard)});
foreach my $number (0, 1)
{
	# Rows come with their SMILES alone, and a trigger, which does not see the search path of a user, fills the rest.
	$shards[$number]->safe_psql('postgres', q{
		CREATE TABLE compound_shard (shard int, id int, smiles text, fp hfp);
		CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS
			'BEGIN NEW.fp := coalesce(NEW.fp, hamnet_try_fingerprint(NEW.smiles)); RETURN NEW; END';
		CREATE TRIGGER fill BEFORE INSERT ON compound_shard FOR EACH ROW EXECUTE FUNCTION fill();
		CREATE VIEW compound_predicted AS SELECT id, smiles, hamnet_predict(smiles, 'solubility') AS solubility FROM compound_shard});
	$home->safe_psql('postgres', sprintf(q{
		CREATE SERVER shard%1$d FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '%2$s', port '%3$d', dbname 'postgres', extensions 'hamnet', async_capable 'true');
		CREATE USER MAPPING FOR CURRENT_USER SERVER shard%1$d;
		CREATE FOREIGN TABLE compound_%1$d PARTITION OF compound FOR VALUES IN (%1$d) SERVER shard%1$d OPTIONS (table_name 'compound_shard');
		CREATE FOREIGN TABLE predicted_%1$d (id int, smiles text, solubility float8) SERVER shard%1$d OPTIONS (table_name 'compound_predicted')},
		$number, $shards[$number]->host, $shards[$number]->port));
}

# Loading
$home->safe_psql('postgres', q{
	CREATE TABLE molecule AS SELECT n AS id, repeat('C', 1 + n / 4) || (ARRAY['O', 'N', 'Cl', 'c1ccccc1'])[1 + n % 4] AS smiles FROM generate_series(0, 39) AS n;
	INSERT INTO compound (shard, id, smiles) SELECT id / 4 % 2, id, smiles FROM molecule});
is($home->safe_psql('postgres', 'SELECT count(*), count(DISTINCT shard), bool_and(fp = hamnet_fingerprint(smiles)) FROM compound'), '40|2|t',
	'a trigger on the shards fills rows that come without a fingerprint');
$_->safe_psql('postgres', 'UPDATE compound_shard SET fp = NULL WHERE id > 20') foreach @shards;
is($home->safe_psql('postgres', q{
	SELECT dblink_connect(server, server), dblink_send_query(server, $$CALL hamnet_enrich('compound_shard', 'smiles', 'fp', '{"workers": 0}')$$)
	FROM unnest('{shard0,shard1}'::text[]) AS server;
	SELECT server, status FROM unnest('{shard0,shard1}'::text[]) AS server, dblink_get_result(server) AS result (status text)}),
	"OK|1\nOK|1\nshard0|CALL\nshard1|CALL", 'shards are enriched from home, side by side');
is($home->safe_psql('postgres', 'SELECT count(fp) FROM compound'), '40', 'and have all fingerprints then');

# Both at once: each shard answers when the other has been asked too, and fails when it has not in a minute.
my $query = q{(SELECT hamnet_fingerprint('CCCO'))};
foreach my $number (0, 1)
{
	my $own = "$directory/asked$number";
	my $other = "$directory/asked" . (1 - $number);

	$shards[$number]->safe_psql('postgres', qq{
		CREATE FUNCTION meet() RETURNS int LANGUAGE plpgsql AS \$\$
		BEGIN
			COPY (SELECT) TO '$own';
			FOR i IN 1 .. 6000 LOOP
				IF (pg_catalog.pg_stat_file('$other', true)).size IS NOT NULL THEN
					RETURN i;
				END IF;
				PERFORM pg_catalog.pg_sleep(0.01);
			END LOOP;
			RAISE EXCEPTION 'the other shard was not asked';
		END \$\$;
		CREATE FUNCTION wait() RETURNS text LANGUAGE sql AS 'SELECT pg_catalog.pg_sleep(0.5)::text';
		CREATE VIEW meeting AS SELECT c.* FROM public.meet(), compound_shard AS c;
		CREATE VIEW waiting AS SELECT c.* FROM public.wait(), compound_shard AS c;});
}
foreach my $view ('meeting', 'waiting')
{
	$home->safe_psql('postgres', "CREATE TABLE $view (shard int, id int, smiles text, fp hfp) PARTITION BY LIST (shard);"
		  . join(';', map { "CREATE FOREIGN TABLE ${view}_$_ PARTITION OF $view FOR VALUES IN ($_) SERVER shard$_" } 0, 1));
	$home->safe_psql('postgres', "ALTER FOREIGN TABLE ${view}_$_ OPTIONS (table_name '$view')") foreach 0, 1;
}
is($home->safe_psql('postgres', qq{SELECT count(*), count(DISTINCT relation), min(distance) < 1e-3 FROM hamnet_search('meeting', 'fp', $query, 20)}), '20|2|t',
	'hamnet_search asks a shard before another one has answered');

# How long that takes is told, not tested: a machine may be busy.
note('seconds that two shards take which wait half a second each, by hamnet_search and by the plain query: '
	  . $home->safe_psql('postgres', q{
	CREATE FUNCTION seconds(query text) RETURNS numeric LANGUAGE plpgsql AS $$
	DECLARE
		fingerprint hfp := hamnet_fingerprint('CCCO');
		start timestamptz;
	BEGIN
		PERFORM count(*) FROM compound;		-- connects
		start := clock_timestamp();
		EXECUTE query USING fingerprint;
		RETURN round(extract(epoch FROM clock_timestamp() - start), 2);
	END $$;
	SELECT seconds('SELECT count(*) FROM hamnet_search(''waiting'', ''fp'', $1, 5)'), seconds('SELECT id FROM waiting ORDER BY fp <-> $1 LIMIT 5')}));

# Predictions are computed where the rows are
my $plan = $home->safe_psql('postgres', q{EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM compound WHERE hamnet_predict(smiles, 'solubility') > 0});
is(() = $plan =~ /Remote SQL: .*hamnet_predict_pinned\(smiles, 'solubility'/g, 2, 'a condition on a prediction runs on the shards');
is($home->safe_psql('postgres', q{SELECT count(*) FROM (SELECT id FROM compound WHERE hamnet_predict(smiles, 'solubility') > 0) AS far
	FULL JOIN (SELECT id FROM molecule WHERE hamnet_predict(smiles, 'solubility') > 0) AS near USING (id) WHERE far.id IS NULL OR near.id IS NULL}), '0', 'and finds the same rows');
is($home->safe_psql('postgres', q{
	SELECT count(*), bool_and(solubility = hamnet_predict(smiles, 'solubility')) FROM (TABLE predicted_0 UNION ALL TABLE predicted_1) AS p}), '40|t',
	'views on shards give the bits that home computes');

# Models and axes come by logical replication
my $axes = $home->safe_psql('postgres', q{SELECT hamnet_fit_axes('SELECT fp FROM compound')});
$home->safe_psql('postgres', 'CREATE PUBLICATION models FOR TABLE _hamnet_model, _hamnet_axes');
foreach my $number (0, 1)
{
	$shards[$number]->safe_psql('postgres', sprintf(q{CREATE SUBSCRIPTION models%d CONNECTION $$%s$$ PUBLICATION models}, $number, $home->connstr('postgres')));
	$shards[$number]->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'}) or die 'tables were not copied';
}
my $answer = q{SELECT hamnet_predict('CCO', 'solubility', 'small'), hamnet_model_of(hamnet_fingerprint('CCO', 'small'))};
my $before = $home->safe_psql('postgres', $answer);
is($_->safe_psql('postgres', $answer), $before, 'a shard has the models of home') foreach @shards;
is($_->safe_psql('postgres', "CREATE INDEX ON compound_shard USING gist (fp gist_hfp_l2_ops (axes = '$axes')); SELECT count(*) FROM _hamnet_axes"), '1', 'and its axes') foreach @shards;

my $nodes = q{
	SELECT count(*), count(DISTINCT results), count(DISTINCT models), count(DISTINCT axes)
	FROM (
		SELECT 'home' AS server, * FROM hamnet_node()
		UNION ALL
		SELECT server, node.*
		FROM unnest('{shard0,shard1}'::text[]) AS server,
			dblink(server, 'SELECT * FROM hamnet_node()') AS node (hamnet text, rdkit text, blas text, kernels text, models text, axes text, results text)) AS nodes};
is($home->safe_psql('postgres', $nodes), '3|1|1|1', 'servers that have the same agree');

# What becomes of a model at home becomes of it on the shards, also for a session that has used it
my $used = q{SELECT model FROM dblink('session', $$SELECT hamnet_model_of(hamnet_fingerprint('CCO', 'small'))$$) AS answer (model text);};
my $now = q{SELECT hamnet_model_of(hamnet_fingerprint('CCO', 'small'));};
my @models = split /\n/, $home->safe_psql('postgres', q{SET client_min_messages = error; CREATE TABLE waited (lsn pg_lsn);} . "
	SELECT FROM dblink_connect('session', 'shard0');
	$now $used" . q{
	DO $$ BEGIN PERFORM hamnet_combine_models('small', '{hamnet-base}', false, true); END $$;
	INSERT INTO waited SELECT pg_current_wal_insert_lsn();
	DO $$ BEGIN
		WHILE EXISTS (SELECT FROM waited, pg_stat_replication WHERE (replay_lsn >= lsn) IS NOT TRUE) LOOP
			PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
		END LOOP;
	END $$;} . "$now $used");
@models = grep { $_ ne '' } @models;
is($models[1], $models[0], 'a session on a shard uses the model of home');
is($models[3], $models[2], 'and the one that takes its name');
isnt($models[3], $models[1], 'which is another');
$home->wait_for_catchup("models$_") foreach 0, 1;
my $after = $home->safe_psql('postgres', $now);
is($_->safe_psql('postgres', q{SELECT hamnet_model_of(hamnet_fingerprint('CCO', 'small'))}), $after, 'a model that is replaced at home is replaced on a shard') foreach @shards;
$home->safe_psql('postgres', q{SELECT hamnet_drop_model('small')});
$home->wait_for_catchup("models$_") foreach 0, 1;
is($_->safe_psql('postgres', 'SELECT count(*) FROM hamnet_models() WHERE NOT built_in'), '0', 'one that is dropped at home is dropped on a shard') foreach @shards;
$shards[1]->safe_psql('postgres', qq{SELECT hamnet_load_model('own', '\\x$weights')});
is($home->safe_psql('postgres', $nodes), '3|1|2|1', 'a server that has another model is told from the others');

# Citus, which few distributions have
SKIP:
{
	skip 'Citus is not installed', 3 unless $home->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'});
	my $citus = PostgreSQL::Test::Cluster->new('citus');
	my $stderr;

	$citus->init;
	$citus->append_conf('postgresql.conf', "shared_preload_libraries = 'citus'\n");
	$citus->start;
	$citus->safe_psql('postgres', q{
		CREATE EXTENSION citus;
		CREATE EXTENSION hamnet;
		SELECT citus_set_coordinator_host('localhost', current_setting('port')::int);
		CREATE TABLE compound (id int, smiles text, fp hfp);
		SELECT create_distributed_table('compound', 'id', shard_count => 2);
		INSERT INTO compound SELECT n, repeat('C', n) FROM generate_series(1, 20) AS n});
	$citus->psql('postgres', q{CALL hamnet_enrich('compound', 'smiles', 'fp')}, stderr => \$stderr);
	like($stderr, qr/the rows of "compound" are in the shards of a distributed table/, 'a distributed table is not enriched into nothing');
	$citus->safe_psql('postgres', q{SELECT run_command_on_shards('compound', $$CALL hamnet_enrich('%s', 'smiles', 'fp')$$)});
	is($citus->safe_psql('postgres', 'SELECT count(fp) FROM compound'), '20', 'its shards are');
	$citus->safe_psql('postgres', qq{SELECT run_command_on_all_nodes(format('SELECT hamnet_load_model(%L, %L::bytea)', 'small', '\\x$weights'::bytea))});
	is($citus->safe_psql('postgres', q{SELECT count(*) FROM hamnet_models() WHERE NOT built_in}), '1', 'and its nodes get a model');
	$citus->stop;
}

$_->stop foreach @shards, $home;
done_testing();
