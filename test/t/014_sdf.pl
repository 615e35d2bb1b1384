# Damaged SD files through SQL: each record comes back, with a molecule or with
# what is wrong with it, and none ends the rest. A thousand records, ten thousand
# in the full form.

use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Encode qw(encode_utf8);
use Test::More;

my $records = ($ENV{HAMNET_CHECK} // '') eq 'full' ? 10_000 : 1_000;
my @seeds = map { split /^\$\$\$\$\n/m, slurp_file($_) } glob '/usr/share/RDKit/Data/NCI/*.sdf';

plan skip_all => 'the SD files of rdkit-data are not installed' unless @seeds;

# A character of a kind that formats care for.
sub character
{
	my @kinds = (' ', '0' .. '9', '-', '.', '*', 'A' .. 'Z', '>', '<', "\t", "\r", 'é');

	return $kinds[rand @kinds];
}

# One small damage to the lines of a record, the first of which is its name.
my @damages = (
	sub { my ($lines) = @_; splice @$lines, 1 + rand $#$lines, 1 },
	sub { my ($lines) = @_; splice @$lines, 1 + rand $#$lines },
	sub { my ($lines) = @_; my $from = 1 + int rand $#$lines; splice @$lines, 1 + rand $#$lines, 0, $lines->[$from] },
	sub { my ($lines) = @_; my $line = \$lines->[ 1 + rand $#$lines ]; substr($$line, rand length $$line, 1) = character() if length $$line },
	sub { my ($lines) = @_; my $line = \$lines->[ 1 + rand $#$lines ]; substr($$line, rand length $$line) = '' if length $$line },
	sub { my ($lines) = @_; my $line = \$lines->[ 1 + rand $#$lines ]; substr($$line, rand length $$line, 0) = character() x (1 + rand 300) if length $$line },
	sub { my ($lines) = @_; my $line = \$lines->[4]; $$line = join '', map { sprintf '%3d', rand 1000 } 1 .. 13 if defined $$line },
	sub { my ($lines) = @_; splice @$lines, 1 + rand $#$lines, 0, sprintf('M  %s%3d%4d%4d', (qw(CHG ISO RAD RGP ALS STY SAL V30 END))[rand 9], rand 10, rand 300, rand 40) },
	sub { my ($lines) = @_; $_ .= "\r" foreach @$lines });

srand 1;
my $file = '';
foreach my $number (1 .. $records)
{
	my @lines = split /\n/, $seeds[rand @seeds], -1;

	pop @lines;
	$lines[0] = "record $number";
	# every tenth record is whole
	if ($number % 10 > 0)
	{
		$damages[rand @damages]->(\@lines) foreach 1 .. 1 + rand 3;
	}
	$file .= join("\n", @lines, '$$$$') . "\n";
}

my $node = PostgreSQL::Test::Cluster->new('sdf');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\nfsync = off\n");
$node->start;

my $path = $node->basedir . '/records.sdf';
append_to_file($path, encode_utf8($file));
$node->safe_psql('postgres', qq{
	CREATE EXTENSION hamnet;
	CREATE TABLE record AS SELECT r.* FROM hamnet_read_sdf(pg_read_file('$path')) AS r;});

# What one query says of the table that was read.
sub answer
{
	my ($query) = @_;

	return $node->safe_psql('postgres', $query);
}

is(answer('SELECT count(*), min(record), max(record) FROM record'), "$records|1|$records", 'no record is lost');
is(answer(q{SELECT count(*) FROM record WHERE rtrim(split_part(molblock, E'\n', 1), E'\r') <> 'record ' || record}), 0, 'nor mixed with another');
is(answer('SELECT count(*) FROM record WHERE (smiles IS NULL) = (problem IS NULL)'), 0, 'each has a molecule, or a problem');
is(answer('SELECT count(*) FROM record WHERE record % 10 = 0 AND smiles IS NULL'), 0, 'those that were left whole have a molecule');
is(answer('SELECT count(*) FROM record WHERE hamnet_smiles_error(smiles) IS NOT NULL'), 0, 'molecules are usable ones');
is(answer('SELECT count(*) FROM record WHERE hamnet_canonical_smiles(smiles) <> smiles'), 0, 'in their canonical SMILES');
is(answer('SELECT count(*) FROM record WHERE properties IS NULL'), 0, 'properties are read of every record');
cmp_ok(answer('SELECT count(*) FROM record WHERE smiles IS NULL'), '>', $records / 10, 'damage does damage');
is(answer(q{SELECT count(*) FROM record WHERE problem ~ 'RDKit failed'}), 0, 'and is explained');

diag(answer('SELECT count(*), count(smiles), count(problem) FROM record')) if $records > 1000;

$node->stop;
done_testing();
