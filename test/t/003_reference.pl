# The reference's table of functions says of each what the catalog says: its
# arguments, the columns of its result, and its volatility.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Rows of the table by the name of the function; some functions have several.
my %rows;
my ($table) = slurp_file('doc/reference.md') =~ /^## Functions\n(.*?)^## /ms;
foreach my $line (grep { /^\| `hamnet_/ } split /\n/, $table)
{
	my ($signature, $volatility) = $line =~ /^\| `(.*?)` \|.*\| ([^|]*) \|$/;
	my ($name, $arguments, $columns) = $signature =~ /^(\w+)\((.*?)\) → (?:table \((.*)\)|.*)$/;

	push @{ $rows{$name} }, { arguments => $arguments, columns => $columns, volatility => $volatility };
}

my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');

# What users call: no procedures, and nothing that only the server can call.
my $functions = $node->safe_psql('postgres', q{
	SELECT proname, CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
		(SELECT string_agg(coalesce(nullif(name, ''), format_type(type, NULL)), ',' ORDER BY place)
		 FROM unnest(proargnames[:pronargs], proargtypes::oid[]) WITH ORDINALITY AS a (name, type, place)),
		CASE WHEN proretset AND proargmodes IS NOT NULL THEN array_to_string(proargnames[pronargs + 1:], ', ') END
	FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE proname LIKE 'hamnet\_%' AND prokind = 'f' AND NOT 'internal'::regtype = ANY (proargtypes::oid[])
	ORDER BY proname, pronargs});

foreach my $function (split /\n/, $functions)
{
	my ($name, $volatility, $arguments, $columns) = split /\|/, $function, -1;
	my $with_model = $arguments =~ /\bmodel\b/ ? qr/(?:^|; with a model )/ : qr/^/;
	my @fitting = grep {
		my $row = $_;
		!grep { $row->{arguments} !~ /\b$_\b/ } split /,/, $arguments
	} @{ $rows{$name} // [] };

	is(scalar(@fitting), 1, "$name($arguments) is listed once") or next;
	like($fitting[0]{volatility}, qr/$with_model$volatility(?:;|$)/, "$name($arguments) is $volatility");
	is($fitting[0]{columns}, $columns, "$name($arguments) returns these columns") if defined $fitting[0]{columns};
}

$node->stop;
done_testing();
