# Names of targets are UTF-8 in a model's file and in the database's encoding
# in SQL, also where that is not UTF-8.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('encoding');
$node->init;
$node->start;
for my $encoding ('UTF8', 'LATIN1', 'SQL_ASCII')
{
	$node->safe_psql('postgres', "CREATE DATABASE \L$encoding\E ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$node->safe_psql(lc $encoding, 'CREATE EXTENSION hamnet');
}

# "Löslichkeit", written so that this file stays ASCII
my $name = q{convert_from('\x4cc3b6736c6963686b656974', 'UTF8')};
my $train = qq{
	CREATE TABLE assay AS SELECT repeat('C', n) || 'O' AS smiles, n * 0.5::float8 AS y FROM generate_series(1, 30) AS n;
	DO \$\$BEGIN
		EXECUTE format('ALTER TABLE assay RENAME y TO %I', $name);
		CALL hamnet_train('m', 'SELECT * FROM assay', '{"head": "full", "base": "scratch", "dim": 32, "epochs": 2, "workers": 2}');
	END\$\$};

$node->safe_psql('latin1', $train);
is($node->safe_psql('latin1', qq{SELECT targets = ARRAY[$name] FROM hamnet_models() WHERE name = 'm'}),
	't', 'the model lists its target in the database\'s encoding');
is($node->safe_psql('latin1', qq{SELECT property = $name FROM hamnet_predictions('CCO', 'm')}),
	't', 'predictions name the target in the database\'s encoding');
is($node->safe_psql('latin1', qq{SELECT hamnet_predict('CCO', $name, 'm') IS NOT NULL}), 't', 'a target is found by its name in the database\'s encoding');
is($node->safe_psql('latin1', q{SELECT count(*) FROM hamnet_evaluate('m', 'SELECT * FROM assay')}), '3', 'evaluation finds a target by its name in the database\'s encoding');

# the file itself is UTF-8, and serves another database
my $file = $node->safe_psql('latin1', q{SELECT encode(weights, 'hex') FROM _hamnet_model});
like($file, qr/4cc3b6736c6963686b656974/, 'the file has the name in UTF-8');
$node->safe_psql('utf8', "SELECT hamnet_load_model('m', decode('$file', 'hex'))");
is($node->safe_psql('utf8', qq{SELECT property = $name FROM hamnet_predictions('CCO', 'm')}),
	't', 'a database in UTF-8 reads the name from the file');
is($node->safe_psql('utf8', q{SELECT hamnet_fingerprint('CCO', 'm')}), $node->safe_psql('latin1', q{SELECT hamnet_fingerprint('CCO', 'm')}),
	'fingerprints do not depend on the database\'s encoding');

done_testing();
