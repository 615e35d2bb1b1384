# pg_upgrade carries everything to a new server: fingerprints, models, axes, both kinds of index, generated columns and
# partitions. From another server version where one is installed that has hamnet too, else from the same.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Whether one server restores what is dumped of another's plain table. Some builds note in the options of a column when it was
# made, which others refuse: between those there is no pg_upgrade of any table.
sub takes_a_table
{
	my ($from, $to) = @_;

	$from->safe_psql('postgres', 'CREATE TABLE plain (id int)');
	my ($dump) = run_command([ 'pg_dump', '--host', $from->host, '--port', $from->port, 'postgres' ]);
	$from->safe_psql('postgres', 'DROP TABLE plain');

	$to->start;
	$to->safe_psql('postgres', 'CREATE DATABASE probe');
	my ($status, undef, $said) = $to->psql('probe', $dump, on_error_stop => 1);
	$to->safe_psql('postgres', 'DROP DATABASE probe');
	$to->stop;
	note($said) if $status != 0;
	return $status == 0;
}

my $bindir = `pg_config --bindir`;
chomp $bindir;

# The newest other server that has hamnet, and is older than this.
my ($major) = `pg_config --version` =~ /(\d+)/;
my ($old_bindir) = grep {
	my ($version) = m{/(\d+)/bin$};
	-x "$_/initdb" && -e "/usr/share/postgresql/$version/extension/hamnet.control" && $version < $major;
} reverse sort glob('/usr/lib/postgresql/*/bin');

# Checksums are the default from 18 on, and both clusters have to agree.
sub init
{
	my ($node, $version) = @_;

	$node->init($version >= 18 ? (extra => ['--no-data-checksums']) : ());
}

my $new = PostgreSQL::Test::Cluster->new('new');
init($new, $major);
my $old;
if ($old_bindir)
{
	$old = PostgreSQL::Test::Cluster->new('older', install_path => $old_bindir =~ s{/bin$}{}r);
	init($old, $old_bindir =~ m{/(\d+)/bin$});
	$old->start;
	if (!takes_a_table($old, $new))
	{
		$old->stop;
		$old = $old_bindir = undef;
	}
}
if (!$old)
{
	note('no older server has hamnet, or this one refuses its tables: from the same version');
	$old = PostgreSQL::Test::Cluster->new('old');
	init($old, $major);
	$old->start;
}
note('from PostgreSQL ' . $old->safe_psql('postgres', 'SHOW server_version'));

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
$old->safe_psql('postgres', 'CREATE EXTENSION hamnet');
$old->safe_psql('postgres', "SELECT hamnet_load_model('small', '\\x$weights')");
my $small = $old->safe_psql('postgres', q{SELECT id FROM hamnet_models() WHERE name = 'small'});
$old->safe_psql(
	'postgres', qq{
	CREATE TABLE molecule (
		id int PRIMARY KEY,
		smiles text,
		fp hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED,
		own hfp GENERATED ALWAYS AS (hamnet_fingerprint_pinned(smiles, '$small')) STORED);
	INSERT INTO molecule SELECT n, repeat('C', n % 50 + 1) || (ARRAY['O', 'N', 'Cl', 'C(=O)O'])[n % 4 + 1] FROM generate_series(1, 400) AS n;
	CREATE TABLE parted (id int, fp hfp) PARTITION BY RANGE (id);
	CREATE TABLE low PARTITION OF parted FOR VALUES FROM (1) TO (201);
	CREATE TABLE high PARTITION OF parted FOR VALUES FROM (201) TO (1000);
	INSERT INTO parted SELECT id, fp FROM molecule;
	CREATE INDEX parted_fp ON parted USING hamnet (fp);
	CREATE INDEX molecule_hamnet ON molecule USING hamnet (own);
	DO \$\$BEGIN EXECUTE format('CREATE INDEX molecule_gist ON molecule USING gist (fp gist_hfp_l2_ops (axes = %L))', hamnet_fit_axes('SELECT fp FROM molecule')); END\$\$;
	CREATE TABLE target AS SELECT smiles, length(smiles)::float8 AS y FROM molecule WHERE id <= 60;
	CALL hamnet_train('learned', 'SELECT smiles, y FROM target', '{"head": "kernel", "validation": "none"}');});

# What must be the same after as before, without an index and with each.
my %questions = (
	'stored fingerprints' => q{SELECT md5(string_agg(fp::text || own::text, ',' ORDER BY id)) FROM molecule},
	'models' => q{SELECT string_agg(name || id || dim, ',' ORDER BY name) FROM hamnet_models()},
	'predictions of a model' => q{SELECT string_agg(hamnet_predict(smiles, 'y', 'learned')::text, ',' ORDER BY smiles) FROM target},
	'a search by GiST' => q{SET enable_seqscan = off; SELECT string_agg(id || ' ' || d, ',' ORDER BY d, id) FROM
		(SELECT id, fp <-> hamnet_fingerprint('CCCCO') AS d FROM molecule ORDER BY fp <-> hamnet_fingerprint('CCCCO') LIMIT 10) AS s},
	'a search by a hamnet index' => q{SET enable_seqscan = off; SELECT string_agg(id || ' ' || d, ',' ORDER BY d, id) FROM
		(SELECT id, own <-> hamnet_fingerprint('CCCCO', 'small') AS d FROM molecule ORDER BY own <-> hamnet_fingerprint('CCCCO', 'small') LIMIT 10) AS s},
	'a search of partitions' => q{SET enable_seqscan = off; SELECT string_agg(id || ' ' || d, ',' ORDER BY d, id) FROM
		(SELECT id, fp <-> hamnet_fingerprint('CCCCN') AS d FROM parted ORDER BY fp <-> hamnet_fingerprint('CCCCN') LIMIT 10) AS s});
my %before = map { $_ => $old->safe_psql('postgres', $questions{$_}) } keys %questions;
$old->stop;

chdir PostgreSQL::Test::Utils::tempdir();
command_ok([ 'pg_upgrade', '--no-sync', '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
	'--old-bindir', $old_bindir // $bindir, '--new-bindir', $bindir, '--socketdir', $new->host, '--old-port', $old->port, '--new-port', $new->port ],
	'pg_upgrade runs');

$new->start;
is($new->safe_psql('postgres', $questions{$_}), $before{$_}, "$_: as before") foreach sort keys %questions;
is($new->safe_psql('postgres', q{SELECT sum(hamnet_index_check(oid)) FROM pg_class WHERE relname IN ('molecule_hamnet', 'low_fp_idx', 'high_fp_idx')}),
	800, 'hamnet indexes are sound and have all rows');
$new->safe_psql('postgres', q{INSERT INTO molecule VALUES (1001, 'CCCCO'); INSERT INTO parted SELECT 500, fp FROM molecule WHERE id = 1001});
is($new->safe_psql('postgres', q{SET enable_seqscan = off; SELECT fp = hamnet_fingerprint('CCCCO') FROM molecule ORDER BY own <-> hamnet_fingerprint('CCCCO', 'small'), id DESC LIMIT 1}),
	't', 'new rows are found');
$new->stop;

done_testing();
