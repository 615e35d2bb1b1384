# What attackers try: nobody gets more rights through the extension than the
# server gave, whatever lies in the search path, the schema, the names, the
# queries and the triggers. doc/security.md says why; here is the proof.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('privileges');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nmax_prepared_transactions = 0\n");
$node->start;

my $weights = "'\\x" . unpack('H*', slurp_file('test/golden/models-0.1.0/full.safetensors')) . "'::bytea";
my $other_weights = "'\\x" . unpack('H*', slurp_file('test/golden/models-0.1.0/network.safetensors')) . "'::bytea";
my $quick = '{"head": "full", "base": "scratch", "dim": 4, "units": 4, "epochs": 2, "validation": "none", "workers": 1}';

sub as
{
	my ($role, $database, $sql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql($database, "SET client_min_messages = warning;\n$sql", stdout => \$stdout, stderr => \$stderr,
		on_error_stop => 1, extra_params => [ '-U', $role ]);

	return ($status, $stdout, $stderr);
}

# What a role may do, and what it gets.
sub allowed
{
	my ($role, $database, $sql, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	is($stderr, '', $name);
	return $stdout;
}

sub returns
{
	my ($role, $database, $sql, $expected, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	is($stdout . $stderr, $expected, $name);
}

# What it may not.
sub refused
{
	my ($role, $database, $sql, $pattern, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	like($stderr, $pattern, $name);
}

sub superusers
{
	return $node->safe_psql('postgres', q{SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolsuper});
}

$node->safe_psql('postgres', 'CREATE ROLE installer LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN');
my $superusers = superusers();
my ($superuser) = split(/ /, $superusers);

###########################################################################
# Installing: the extension is trusted, so its scripts run as a superuser in
# a schema that whoever installs it may have filled with traps.

# A function that makes its author a superuser when a superuser runs it.
my $spring = q{BEGIN ALTER ROLE installer SUPERUSER; RAISE WARNING 'trap sprung'; %s END};

foreach my $version ('0.1.0', '0.2.0')
{
	(my $database = "trap_$version") =~ tr/./_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database; GRANT CREATE ON DATABASE $database TO installer");
	my $format = sprintf($spring, q{RETURN 'ALTER OPERATOR FAMILY ' || $2 || ' USING gist ADD FUNCTION 11 (hfp, hfp) ghfp_sortsupport(internal)';});
	my $number = sprintf($spring, q{RETURN pg_catalog.current_setting($1::text);});
	my $truth = sprintf($spring, 'RETURN true;');
	my $void = sprintf($spring, '');
	allowed('installer', $database, qq{
		CREATE SCHEMA evil;
		SET search_path = evil;
		CREATE FUNCTION format(text, name) RETURNS text LANGUAGE plpgsql AS '@{[ $format =~ s/'/''/gr ]}';
		CREATE FUNCTION format(text, text) RETURNS text LANGUAGE plpgsql AS '@{[ $format =~ s/'/''/gr ]}';
		CREATE FUNCTION current_setting(name) RETURNS text LANGUAGE plpgsql AS '@{[ $number =~ s/'/''/gr ]}';
		CREATE FUNCTION current_setting(varchar) RETURNS text LANGUAGE plpgsql AS '@{[ $number =~ s/'/''/gr ]}';
		CREATE FUNCTION pg_extension_config_dump(text, text) RETURNS void LANGUAGE plpgsql AS '@{[ $void =~ s/'/''/gr ]}';
		CREATE FUNCTION spring(int, bigint) RETURNS boolean LANGUAGE plpgsql AS '@{[ $truth =~ s/'/''/gr ]}';
		CREATE FUNCTION spring(text, int) RETURNS boolean LANGUAGE plpgsql AS '@{[ $truth =~ s/'/''/gr ]}';
		CREATE OPERATOR >= (LEFTARG = int, RIGHTARG = bigint, FUNCTION = spring);
		CREATE OPERATOR >= (LEFTARG = text, RIGHTARG = int, FUNCTION = spring);
		CREATE EXTENSION hamnet VERSION '$version' SCHEMA evil;
		ALTER EXTENSION hamnet UPDATE;}, "$version: installs into a schema full of traps");
	is(superusers(), $superusers, "$version: and springs none");
	returns('installer', $database, q{SELECT count(*) FROM pg_amproc WHERE amproc::text = 'evil.ghfp_sortsupport'},
		'3', "$version: and is whole");
	allowed('installer', $database, 'DROP EXTENSION hamnet; CREATE TABLE evil._hamnet_model (name text)', "$version: tables of its names can be there before it");
	refused('installer', $database, "CREATE EXTENSION hamnet VERSION '$version' SCHEMA evil", qr/relation "_hamnet_model" already exists/,
		"$version: but then it is not installed");
}
done_testing();
