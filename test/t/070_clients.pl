# The examples of doc/clients.md run as pasted, and give what went in. The Python blocks of a section are one program; blocks
# fenced as ```sql vector or ```sql rdkit are one session. What is not installed is skipped.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file('doc/clients.md');

# What holds after the examples of a section: lists, arrays and binary copies come back exactly.
my %checks = (
	'psycopg' => q{
assert points == [([1, 2, 3],), ([0.5, 0.25, 4.0],)], points
assert nearest == (2,) and tanimoto[0] == (1, 0.0)
assert ethanol.model != 0 and len(ethanol.values) == 256
assert same
assert distances == [(1, 0.0)]
assert [list(f.values) for f in several] == [[1, 2, 3], [0.5, 0.25, 4.0]]
assert read.model == 0 and read.values.dtype == array.dtype and read.values.tobytes() == array.tobytes()
assert len(copied) == 5000
assert all(a[0] == b[0] and a[1].model == b[1].model and numpy.array_equal(a[1].values, b[1].values) for a, b in zip(rows, copied))
assert connection.execute("SELECT count(fp) FROM compound").fetchone() == (3,)
},
	'psycopg2' => q{
assert points == [([1, 2, 3],), ([0.5, 0.25, 4.0],), ([1.5, 0.0, 2.0],)], points
assert nearest == (1, 0.0)
},
	'asyncpg' => q{
assert nearest == 1 and len(points) == 5002
assert list(points[0]["fp"]) == [1, 2, 3] and list(points[1]["fp"]) == [0.5, 0.25, 4.0]
assert all(a[0] == b["id"] and numpy.array_equal(a[1], b["fp"]) for a, b in zip(rows, points[2:]))
},
	'SQLAlchemy' => q{
assert points == [(1, [1, 2, 3]), (2, [0.5, 0.25, 4.0])], points
assert nearest == (1, 0.0)
with engine.connect() as connection:
    assert connection.execute(sa.text("SELECT count(fp) FROM compound")).scalar() == 2
},
	'pandas' => q{
assert len(predictions) > 20 and "value" in predictions
assert numpy.array_equal(matrix, numpy.array([[1, 2, 3], [0.5, 0.25, 4]], "f4"))
with engine.connect() as connection:
    assert connection.execute(sa.select(point).order_by(point.c.id)).all()[2:] == [(3, [1, 0, 0]), (4, [0.5, 1.5, 2.5])]
});

# The blocks of a section with such an info string, as one text.
sub blocks
{
	my ($section, $info) = @_;
	my ($text) = $page =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms;

	return join("\n", $text =~ /^```\Q$info\E\n(.*?)^```$/msg);
}

my $node = PostgreSQL::Test::Cluster->new('clients');
$node->init;
$node->start;

my $number = 0;
sub new_database
{
	my $database = 'client_' . ++$number;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION hamnet');
	return $database;
}

my $python = `python3 -c 'print(1)' 2>&1` eq "1\n";
foreach my $section ($page =~ /^## (.*)\n(?:(?!^## ).*\n)*?```python\n/mg)
{
  SKIP:
	{
		# pandas goes on where SQLAlchemy ends.
		my $program = ($section eq 'pandas' ? blocks('SQLAlchemy', 'python') . "\n" : '') . blocks($section, 'python');
		my %modules = map { $_ => 1 } $program =~ /^(?:import|from) (\w+)/mg;
		my @missing = grep { !$python || system("python3 -c 'import $_' 2>/dev/null") != 0 } sort keys %modules;

		# SQLAlchemy's connection string names it.
		push @missing, 'psycopg' if $program =~ /\+psycopg:/ && system("python3 -c 'import psycopg' 2>/dev/null") != 0;
		skip "$section: Python has no @missing", 1 if @missing;

		my $file = PostgreSQL::Test::Utils::tempdir() . '/client.py';
		local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => new_database());

		ok(exists $checks{$section}, "$section: the test knows what its examples give");
		append_to_file($file, $program . ($checks{$section} // ''));
		my $said = `python3 -W error::DeprecationWarning $file 2>&1`;
		is($?, 0, "$section: examples run, and give back what went in") or diag($said);
	}
}

foreach my $case ([ 'Beside pgvector', 'vector', 'hamnet_pgvector' ], [ 'Beside the RDKit cartridge', 'rdkit' ])
{
	my ($section, $extension) = @$case;

  SKIP:
	{
		skip "$section: extension $extension is not installed", 1
		  if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = '$extension'") == 0;

		my $database = new_database();
		my ($status, $stdout, $stderr) = $node->psql($database, blocks($section, "sql $extension"), on_error_stop => 1);

		is($status, 0, "$section: examples run") or diag($stderr);
		next if $extension ne 'vector';

		is($node->safe_psql($database, q{SELECT count(*) FROM embedded WHERE embedding::hfp = hamnet_fingerprint(smiles)::real[]::hfp}), 3,
			'a vector holds the same bits');
		is($node->safe_psql($database, q{SELECT bool_and(abs(hamnet_norm(half::hfp) / hamnet_norm(embedding::hfp) - 1) < 1e-3) FROM embedded}), 't', 'a halfvec nearly so');
		isnt($node->psql($database, q{SELECT hamnet_fingerprint('CCO') <-> embedding FROM embedded}), 0, 'operators do not mix the two types');
		isnt($node->psql($database, q{SELECT hamnet_fingerprint('CCO')::vector(3)}), 0, 'dimensions are checked');
		is($node->safe_psql($database, q{SELECT '[0.1,-2,3e38]'::hfp::vector::hfp::text}), '[0.1,-2,3e+38]', 'there and back');
		isnt($node->psql($database, q{SELECT '[70000]'::hfp::halfvec}), 0, 'what halfvec cannot hold is an error');
	}
}

$node->stop;
done_testing();
