# Every SQL example of the documentation runs as pasted, in the order of its page.
#
# A block fenced as ```sql must succeed, one fenced as ```sql error must fail.
# Each page is one psql session in a database of its own.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The SQL blocks of a page: first line, text, and whether it must fail.
sub sql_blocks
{
	my ($page) = @_;
	my $text = slurp_file($page);
	my @blocks;

	while ($text =~ /^```([^\n]*)\n(.*?)^```$/msg)
	{
		my ($info, $sql) = ($1, $2);
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);

		push @blocks, { line => $line, sql => $sql, fails => $info eq 'sql error' }
		  if $info =~ /^sql( error)?$/;
	}
	return @blocks;
}

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

my $database_number = 0;
foreach my $page ('README.md', sort glob('doc/*.md'))
{
	my @blocks = sql_blocks($page) or next;
	my $database = 'page_' . ++$database_number;
	my $script = '';
	my ($stdout, $stderr);

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION hamnet')
	  unless grep { $_->{sql} =~ /^CREATE EXTENSION hamnet;$/m } @blocks;

	# A line on stderr before and after each block tells which errors are its own.
	foreach my $block (@blocks)
	{
		$script .= "\\warn begin $block->{line}\n$block->{sql}\n\\warn end $block->{line}\n";
	}
	$node->psql($database, $script, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);

	foreach my $block (@blocks)
	{
		my ($said) = $stderr =~ /^begin $block->{line}\n(.*?)^end $block->{line}$/ms;
		my $name = "$page, line $block->{line}";

		if (!defined $said)
		{
			fail("$name is reached");
			diag($stderr);
		}
		elsif ($block->{fails})
		{
			like($said, qr/ERROR: /, "$name fails");
		}
		else
		{
			# psql writes its own errors, as of an unknown backslash command, in lower case.
			unlike($said, qr/(?:ERROR|error): /, "$name runs");
		}
	}
}

$node->stop;
done_testing();
