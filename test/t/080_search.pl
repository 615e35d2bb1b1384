# hamnet_search asks every partition at once and answers as the plain query and
# as one table with all rows do, over two servers behind postgres_fdw; it does
# so with the caller's rights, and takes nothing but a condition for a filter.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my $rows = $full ? 1_500 : 500;
my $queries = $full ? 1_000 : 120;
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';
my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));

my $home = PostgreSQL::Test::Cluster->new('home');
my @shards = map { PostgreSQL::Test::Cluster->new("shard$_") } 0, 1;

foreach my $node ($home, @shards)
{
	$node->init;
	$node->append_conf('postgresql.conf', "fsync = off\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');
}

plan skip_all => 'postgres_fdw is not installed'
  unless $home->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});

# Every row is in table one at home, and through table compound on one of the shards.
$home->safe_psql('postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE nci (smiles text, id int);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	CREATE TABLE one AS
		SELECT (id % 2)::int AS shard, id, smiles, length(smiles) AS size, hamnet_try_fingerprint(smiles, 'small') AS fp FROM nci WHERE id <= $rows;
	CREATE INDEX ON one USING hamnet (fp, size);
	ANALYZE one;
	CREATE EXTENSION postgres_fdw;
	CREATE TABLE compound (shard int, id int, smiles text, size int, fp hfp) PARTITION BY LIST (shard)});
foreach my $number (0, 1)
{
	$shards[$number]->safe_psql('postgres', 'CREATE TABLE compound_shard (shard int, id int, smiles text, size int, fp hfp)');
	$home->safe_psql('postgres', sprintf(q{
		CREATE SERVER shard%1$d FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '%2$s', port '%3$d', dbname 'postgres', extensions 'hamnet', async_capable 'true', batch_size '1000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER shard%1$d;
		CREATE FOREIGN TABLE compound_%1$d PARTITION OF compound FOR VALUES IN (%1$d) SERVER shard%1$d OPTIONS (table_name 'compound_shard')},
		$number, $shards[$number]->host, $shards[$number]->port));
}
$home->safe_psql('postgres', 'INSERT INTO compound SELECT * FROM one');
$_->safe_psql('postgres', 'CREATE INDEX ON compound_shard USING hamnet (fp, size); ANALYZE') foreach @shards;

# Run a search in three ways. Rows as far away as the last one are interchangeable.
$home->safe_psql('postgres', q{
	-- stays at home, because a server does not know it
	CREATE FUNCTION is_odd(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n % 2 <> 0; END';
	CREATE TYPE answer AS (distances double precision[], ids int[]);
	CREATE FUNCTION nearer(distances double precision[], ids int[]) RETURNS answer LANGUAGE sql AS
		'SELECT array_agg(d ORDER BY d), array_agg(i ORDER BY d, i) FILTER (WHERE d < (SELECT max(m) FROM unnest(distances) AS m))
			FROM unnest(distances, ids) AS u (d, i)';
	CREATE FUNCTION plain("table" regclass, q hfp, k int, filter text, operator text) RETURNS answer LANGUAGE plpgsql AS $$
		DECLARE result answer;
		BEGIN
			EXECUTE format('SELECT (nearer(array_agg(d), array_agg(id))).* FROM
				(SELECT fp %2$s $1 AS d, id FROM %1$s WHERE (%3$s) AND fp IS NOT NULL ORDER BY fp %2$s $1 LIMIT %4$s) AS n',
				"table", operator, coalesce(filter, 'true'), k) INTO result USING q;
			RETURN result;
		END $$;
	CREATE FUNCTION searched("table" regclass, q hfp, k int, filter text, operator text) RETURNS answer LANGUAGE sql AS
		$$SELECT nearer(array_agg(distance), array_agg(("row"->>'id')::int)) FROM hamnet_search("table", 'fp', q, k, filter, operator)$$;
	CREATE TABLE query AS
		SELECT n, fp AS q, (1 + n % 20)::int AS k, (ARRAY[NULL, 'size < 20', 'size BETWEEN 15 AND 25 AND id % 3 = 0', 'smiles LIKE ''%N%''',
			'shard = 1', 'size > 100000', 'is_odd(id)', 'compound.id > 300 OR size = 12'])[1 + n % 8] AS filter,
			(ARRAY['<->', '<->', '<=>', '<#>', '<%>'])[1 + n / 8 % 5] AS operator
		FROM (SELECT row_number() OVER (ORDER BY id) AS n, fp FROM one WHERE fp IS NOT NULL) AS numbered});
$home->safe_psql('postgres', "DELETE FROM query WHERE n > $queries");
is($home->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE searched IS DISTINCT FROM plain), count(*) FILTER (WHERE searched IS DISTINCT FROM one),
		count(*) FILTER (WHERE (searched).distances IS NULL)
	FROM (SELECT searched('compound', q, k, filter, operator), plain('compound', q, k, filter, operator),
			plain('one', q, k, replace(filter, 'compound.', 'one.'), operator) AS one FROM query) AS answers}),
	"$queries|0|0|" . $queries / 8, "$queries searches, an eighth of which find nothing, answer as the plain query and as one table");

# How it is done
my ($stdout, $stderr);
my $verbose = q{LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
	SET auto_explain.log_verbose = on; SET client_min_messages = log; };
sub plan_of
{
	my ($search) = @_;

	$home->psql('postgres', "$verbose SELECT count(*) FROM $search", stdout => \$stdout, stderr => \$stderr);
	return $stderr;
}
my $plan = plan_of(q{hamnet_search('compound', 'fp', (SELECT q FROM query WHERE n = 1), 5, 'size < 20')});
is(() = $plan =~ /Async Foreign Scan/g, 2, 'both servers are asked at once');
is(() = $plan =~ /WHERE \(\(fp IS NOT NULL\)\) AND \(\(size < 20\)\) ORDER BY \(fp OPERATOR\(public\.<->\) .*LIMIT 5::bigint/g, 2,
	'each for its nearest rows that pass the filter');
$plan = plan_of(q{hamnet_search('compound', 'fp', (SELECT q FROM query WHERE n = 1), 5, 'shard = 1')});
is(() = $plan =~ /Foreign Scan/g, 1, 'a partition that the filter excludes is not asked');

# What comes back
is($home->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT relation::text, ' '), count(ctid), string_agg(DISTINCT (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys("row") AS key), ';')
	FROM hamnet_search('compound', 'fp', (SELECT q FROM query WHERE n = 1), 100)}),
	'compound_0 compound_1|0|id shard size smiles', 'rows name their partition and have all columns but the fingerprint; foreign ones have no ctid');
is($home->safe_psql('postgres', q{
	SELECT count(*), bool_and(s.distance = (one.fp <-> q)), bool_and(s.relation = 'one'::regclass),
		bool_and(one.ctid = s.ctid OR s.ctid IS NULL AND current_setting('server_version_num')::int >= 180000)
	FROM query, LATERAL hamnet_search('one', 'fp', q, 3, columns => '{id}') AS s LEFT JOIN one ON s."row" = jsonb_build_object('id', one.id) WHERE n <= 10}),
	'30|t|t|t', 'local rows have their ctid, and columns can be chosen');
is($home->safe_psql('postgres', q{SELECT count(*), min("row"::text) FROM hamnet_search('one', 'fp', (SELECT q FROM query WHERE n = 1), 3, columns => '{}')}),
	'3|{}', 'or left out');
is($home->safe_psql('postgres', q{SELECT count(*) FROM hamnet_search('one', 'fp', NULL, 3)}), '0', 'nothing is near nothing');
is($home->safe_psql('postgres', q{SELECT count(*) FROM hamnet_search('one', 'fp', (SELECT q FROM query WHERE n = 1), 0)}), '0', 'k may be 0');

# What is refused
foreach my $case (
	[ q{'one', 'fp', q, -1}, qr/k must not be negative: -1/ ],
	[ q{'one', 'nothing', q, 1}, qr/column "nothing" of relation "one" does not exist/ ],
	[ q{'one', 'ctid', q, 1}, qr/column "ctid" of relation "one" does not exist/ ],
	[ q{'one', 'smiles', q, 1}, qr/column "smiles" has type text, but a fingerprint has type hfp/ ],
	[ q{'one', 'fp', q, 1, operator => '='}, qr/unrecognized operator: "="/ ],
	[ q{'one', 'fp', q, 1, operator => '<-> q)'}, qr/unrecognized operator/ ],
	[ q{'one', 'fp', q, 1, columns => '{id,nothing}'}, qr/column "nothing" of relation "one" does not exist/ ],
	[ q{'one', 'fp', q, 1, columns => '{NULL}'}, qr/column "NULL" of relation "one" does not exist/ ],
	[ q{'one', 'fp', q, 1, 'nothing = 1'}, qr/column "nothing" does not exist/ ],
	[ q{'one', 'fp', q, 1, 'size <'}, qr/syntax error at or near|syntax error at end of input/ ],
	[ q{'one', 'fp', q, 1, 'id'}, qr/argument of AND must be type boolean/ ])
{
	$home->psql('postgres', "SELECT s.* FROM query, hamnet_search($case->[0]) AS s WHERE n = 1", stdout => \$stdout, stderr => \$stderr);
	like($stderr, $case->[1], "hamnet_search($case->[0]) is refused");
}
my @escapes = (
	'true) UNION ALL (SELECT 1, NULL, 0, 1, 2, NULL, 3', 'true UNION SELECT 1', 'true; DROP TABLE query', 'true) OR (true', 'true ORDER BY 1', 'true LIMIT 1',
	'true GROUP BY 1', 'true FOR UPDATE', '$1 IS NULL', '', ' ', '-- true', '/* true', q{smiles = 'x}, 'true HAVING true', 'true WINDOW w AS ()');
$home->psql('postgres', join(";\n\\warn next\n", map { my $filter = $_ =~ s/'/''/gr; "SELECT count(*) FROM query, hamnet_search('one', 'fp', q, 1, '$filter') WHERE n = 1" } @escapes) . ';',
	stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
my @errors = split(/^next\n/m, $stderr, -1);
is(join("\n", map { $escapes[$_] } grep { ($errors[$_] // '') !~ /ERROR:  (?:filter is not a condition|syntax error|unterminated)/ } 0 .. $#escapes), '',
	'a filter that is more or less than a condition is refused');
is($home->safe_psql('postgres', q{SELECT count(*) FROM query, hamnet_search('one', 'fp', q, 1, 'size > 0 -- all') WHERE n = 1}), '1', 'a comment in a filter ends with it');

# Rights: those of the caller on the table that is named, whoever may read its partitions
$home->safe_psql('postgres', q{
	CREATE ROLE alice LOGIN;
	CREATE ROLE bob LOGIN;
	CREATE TABLE local (shard int, id int, owner name, fp hfp) PARTITION BY LIST (shard);
	CREATE TABLE local_0 PARTITION OF local FOR VALUES IN (0);
	CREATE TABLE local_1 PARTITION OF local FOR VALUES IN (1);
	INSERT INTO local SELECT shard, id, CASE WHEN id % 3 = 0 THEN 'alice' ELSE 'bob' END, fp FROM one WHERE fp IS NOT NULL AND id <= 100;
	CREATE VIEW closed AS SELECT * FROM local;
	GRANT SELECT ON query TO PUBLIC;
	GRANT SELECT ON local_0, local_1 TO bob;
	GRANT SELECT (shard, id, fp) ON local TO alice;});
sub search_as
{
	my ($role, $arguments) = @_;

	$home->psql('postgres', "SELECT count(*), count(s.ctid) FROM query, hamnet_search($arguments) AS s WHERE n = 1", stdout => \$stdout, stderr => \$stderr,
		extra_params => [ '-U', $role ]);
	return $stdout . ($stderr =~ /(ERROR:  .*)/ ? $1 : '');
}
is(search_as('alice', q{'local', 'fp', q, 7, columns => '{id}'}), '7|0', 'who may read columns of the table alone may search by them');
is(search_as('alice', q{'local', 'fp', q, 7}), 'ERROR:  permission denied for table local', 'but not return the others');
is(search_as('alice', q{'local', 'fp', q, 7, $$owner = 'bob'$$, columns => '{id}'}), 'ERROR:  permission denied for table local', 'nor filter by them');
is(search_as('alice', q{'closed', 'fp', q, 7}), 'ERROR:  permission denied for view closed', 'nor read a view');
is(search_as('bob', q{'local', 'fp', q, 7}), 'ERROR:  permission denied for table local', 'who may read the partitions alone may not search the table');
$home->safe_psql('postgres', q{
	GRANT SELECT ON local TO alice, bob;
	GRANT SELECT ON local_0, local_1 TO alice;
	ALTER TABLE local ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON local USING (owner = current_user)});
my $all = $home->safe_psql('postgres', q{SELECT count(*) FROM local});
my $own = $home->safe_psql('postgres', q{SELECT count(*) FROM local WHERE owner = 'alice'});
is(search_as('alice', q{'local', 'fp', q, 1000}), "$own|0", 'policies of the table hold');
$home->safe_psql('postgres', 'ALTER TABLE local DISABLE ROW LEVEL SECURITY; ALTER TABLE local_0 ENABLE ROW LEVEL SECURITY');
is(search_as('alice', q{'local', 'fp', q, 1000}), "$all|0", 'those of a partition are not asked where the table is named');
$home->safe_psql('postgres', 'ALTER TABLE local_0 DISABLE ROW LEVEL SECURITY');
is(search_as('alice', q{'local', 'fp', q, 1000}), "$all|$all", 'where there are none, each partition is asked');
is(search_as('bob', q{'pg_authid', 'fp', q, 1}), 'ERROR:  column "fp" of relation "pg_authid" does not exist', 'a table without fingerprints is no secret');

# Other shapes of tables
$home->safe_psql('postgres', q{
	CREATE SCHEMA "Odd.schema";
	CREATE TABLE "Odd.schema"."Select" ("Id" int, "fp""x" hfp);
	CREATE TABLE "Odd.schema"."child'" () INHERITS ("Odd.schema"."Select");
	INSERT INTO "Odd.schema"."Select" SELECT id, fp FROM one WHERE id <= 50;
	INSERT INTO "Odd.schema"."child'" SELECT id, fp FROM one WHERE id BETWEEN 51 AND 100;
	CREATE MATERIALIZED VIEW stored AS SELECT * FROM one;
	CREATE TABLE parted (id int, fp hfp) PARTITION BY LIST (id);});
is($home->safe_psql('postgres', q{SELECT count(*) FROM query, hamnet_search('parted', 'fp', q, 9) WHERE n = 1}), '0', 'a table without partitions is empty');
is($home->safe_psql('postgres', q{
	SELECT string_agg(DISTINCT relation::text, ' '), count(*) = (SELECT count("fp""x") FROM "Odd.schema"."Select"), bool_and("row" ? 'Id')
	FROM query, hamnet_search('"Odd.schema"."Select"', 'fp"x', q, 1000, '"Select"."Id" > 0') WHERE n = 1}),
	q{"Odd.schema"."Select" "Odd.schema"."child'"|t|t}, 'inheritance and names that need quotes');
is($home->safe_psql('postgres', q{SELECT count(*), count(s.ctid) FROM query, hamnet_search('closed', 'fp', q, 9) AS s WHERE n = 1}), '9|0', 'a view');
is($home->safe_psql('postgres', q{SELECT count(*), count(s.ctid) FROM query, hamnet_search('stored', 'fp', q, 9) AS s WHERE n = 1}), '9|9', 'a materialized view');

$_->stop foreach $home, @shards;
done_testing();
