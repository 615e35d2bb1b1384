# Axes of a GiST index where their table has no rows, as in a schema without data, and where it is locked.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('axes');
$node->init;
$node->start;

sub query
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, $sql);
}

query('postgres', "CREATE DATABASE $_") foreach ('source', 'bare', 'carried');
query('source', q{
	CREATE EXTENSION hamnet;
	CREATE TABLE c (id int PRIMARY KEY, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED);
	INSERT INTO c (id, smiles) SELECT n, repeat('C', n) || 'O' FROM generate_series(1, 50) n;
	CREATE TABLE p (id int, fp hfp) PARTITION BY RANGE (id);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);});
my $axes = query('source', q{SELECT hamnet_fit_axes('SELECT fp FROM c')});
query('source', "CREATE INDEX ${_}_fp ON $_ USING gist (fp gist_hfp_l2_ops (axes = '$axes'))") foreach ('c', 'p');

###########################################################################
# A schema without data

my $schema = $node->basedir . '/schema.sql';
my $rows = $node->basedir . '/axes.sql';
my ($stdout, $stderr);

$node->command_ok([ 'pg_dump', '--schema-only', '--file', $schema, 'source' ], 'the schema is dumped');
$node->psql('bare', "\\i $schema", on_error_stop => 0, stdout => \$stdout, stderr => \$stderr);
# An index of a partition is then attached to none.
my @errors = grep { !/relation "public.p_fp" does not exist/ } $stderr =~ /ERROR:  (.*)/g;
is(join("\n", @errors), join("\n", map { qq{axes "$axes" do not exist} } 1 .. 3), 'indexes whose axes are missing are not created, and nothing else fails');
like($stderr, qr/HINT:  .*pg_dump --data-only --table='\*\._hamnet_axes'/, 'the hint says how to bring the axes along');
is(query('bare', q{INSERT INTO c (id, smiles) VALUES (1, 'CCO'); INSERT INTO p SELECT id, fp FROM c; SELECT count(*) FROM p}), 1, 'the tables can be written to');

# Wherever an index is made, it is the same whether there are rows.
foreach my $make (
	"CREATE TABLE made (LIKE c); CREATE INDEX ON made USING gist (fp gist_hfp_l2_ops (axes = '$axes'))",
	"CREATE TABLE made AS TABLE c; CREATE INDEX ON made USING gist (fp gist_hfp_l2_ops (axes = '$axes'))",
	"CREATE INDEX ON p USING gist (fp gist_hfp_cosine_ops (axes = '$axes'))",
	"CREATE INDEX CONCURRENTLY ON c USING gist (fp gist_hfp_tanimoto_ops (axes = '$axes'))")
{
	$node->psql('bare', $make, stderr => \$stderr);
	like($stderr, qr/axes "$axes" do not exist/, "refused: $make");
	query('bare', 'DROP TABLE IF EXISTS made') if $make =~ /made/;
}

# What the hint says
$node->command_ok([ 'pg_dump', '--data-only', '--table', '*._hamnet_axes', '--file', $rows, 'source' ], 'axes are dumped');
query('carried', 'CREATE EXTENSION hamnet');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $rows, '-d', 'carried' ], 'axes are restored');
$node->psql('carried', "\\i $schema", on_error_stop => 0, stdout => \$stdout, stderr => \$stderr);
unlike($stderr, qr/axes/, 'with the axes all indexes are created');
query('carried', q{INSERT INTO c (id, smiles) SELECT n, repeat('C', n) || 'O' FROM generate_series(1, 50) n; INSERT INTO p SELECT id, fp FROM c});
foreach my $table ('c', 'p')
{
	my $search = "SELECT id FROM $table ORDER BY fp <-> (SELECT fp FROM c WHERE id = 7) LIMIT 1";
	like(query('carried', "SET enable_seqscan = off; EXPLAIN $search"), qr/Index Scan using (c_fp|p1_fp_idx)/, "the index of $table serves");
	is(query('carried', "SET enable_seqscan = off; $search"), 7, "the index of $table finds its rows");
}

###########################################################################
# A lock that a first search would have to wait for

# Run SQL in another session while this one has a lock, as VACUUM FULL would; what the other printed, and how it ended.
sub while_locked
{
	my ($relation, @commands) = @_;
	my $other = join(' ', 'timeout 60 psql -X -A -t -q -d source', map { qq{-c "$_"} } @commands);
	my ($stdout, $stderr);

	$node->psql('source', qq{
		BEGIN;
		LOCK TABLE $relation IN ACCESS EXCLUSIVE MODE;
		\\! $other || echo "status \$?"
		COMMIT;}, stdout => \$stdout, stderr => \$stderr);
	return ($stdout, $stderr);
}

my $search = q{SELECT id FROM c ORDER BY fp <-> (SELECT fp FROM c WHERE id = 7) LIMIT 1};
foreach my $relation ('pg_extension', '_hamnet_axes')
{
	my ($stdout, $stderr) = while_locked($relation, 'SET enable_seqscan = off; SET lock_timeout = 300', $search);
	is($stdout, 'status 1', "$relation is locked: a first search can be cancelled");
	like($stderr, qr/canceling statement due to lock timeout/, "$relation is locked: a first search waits with no page locked");
}

# A session that has planned a search has the axes; so has the one that fitted them, also after it has committed.
is(query('source', qq{
		SET enable_seqscan = off;
		EXPLAIN (COSTS off) $search \\g /dev/null
		BEGIN; DELETE FROM _hamnet_axes; $search; ROLLBACK}), 7, 'axes are loaded when a search is planned');
is(query('source', qq{
		SET enable_seqscan = off;
		CREATE TABLE d AS TABLE c;
		BEGIN;
		SELECT hamnet_fit_axes('SELECT fp FROM d WHERE id <= 40') AS axes \\gset
		CREATE INDEX d_fp ON d USING gist (fp gist_hfp_l2_ops (axes = :'axes'));
		COMMIT;
		BEGIN; DELETE FROM _hamnet_axes; @{[$search =~ s/FROM c ORDER/FROM d ORDER/r]}; ROLLBACK}), 7, 'axes that the session has fitted stay after it has committed');

###########################################################################
# Damaged axes: what computes with them is refused, and the index can be dropped

my %damages = (
	'were changed' => q{UPDATE _hamnet_axes SET content = set_byte(content, 100, 255 - get_byte(content, 100))},
	'have an invalid length' => q{UPDATE _hamnet_axes SET id = left(encode(sha256(''), 'hex'), 32), content = ''},
	'are not orthonormal' => q{UPDATE _hamnet_axes SET content = overlay(content PLACING '\x0123456789abcdef' FROM octet_length(content) - 7);
		UPDATE _hamnet_axes SET id = left(encode(sha256(content), 'hex'), 32)});
foreach my $words (sort keys %damages)
{
	my $copy = 'damaged_' . $words =~ s/ /_/gr;

	query('postgres', "CREATE DATABASE $copy TEMPLATE source");
	query($copy, "DELETE FROM _hamnet_axes WHERE id <> '$axes'");
	query($copy, $damages{$words});
	# Axes are named by their content, so the index is told the new name.
	query($copy, q{
		UPDATE pg_attribute SET attoptions = ARRAY['axes=' || (SELECT id FROM _hamnet_axes)] WHERE attrelid IN ('c_fp'::regclass, 'p_fp'::regclass, 'p1_fp_idx'::regclass)});
	foreach my $sql (q{INSERT INTO c (id, smiles) VALUES (100, 'CCO')}, q{SET enable_seqscan = off; SELECT id FROM c ORDER BY fp <-> hamnet_fingerprint('CCO') LIMIT 1},
		'REINDEX INDEX c_fp', q{CREATE INDEX ON c USING gist (fp gist_hfp_l2_ops (axes = '} . query($copy, 'SELECT id FROM _hamnet_axes') . q{'))})
	{
		like(($node->psql($copy, $sql))[2], qr/axes "\w+" \Q$words\E/, "axes that $words are refused: $sql");
	}
	query($copy, 'DROP INDEX c_fp; DROP TABLE p');
	is(query($copy, q{INSERT INTO c (id, smiles) VALUES (100, 'CCO'); SELECT count(*) FROM c WHERE id = 100}), 1, "axes that $words: the index is dropped, and the table written to");
}

$node->stop;
done_testing();
