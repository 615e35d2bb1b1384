# What users are told: counts that are true, messages that name what is meant, and nothing that concerns only us.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('messages');
$node->init;
$node->start;
my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
$node->safe_psql('postgres', qq{
	CREATE EXTENSION hamnet;
	CREATE ROLE reader LOGIN;
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE molecule (id int, smiles text, fp hfp, why text, size float8);
	INSERT INTO molecule (id, smiles, size) SELECT n, repeat('C', n) || 'O', n FROM generate_series(1, 30) AS n;});

# What a session says; rows and messages.
sub said
{
	my ($sql, @params) = @_;
	my ($stdout, $stderr);

	$node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0, @params);
	return ($stdout, $stderr);
}

sub complains
{
	my ($sql, $pattern, $name) = @_;

	like((said($sql))[1], $pattern, $name);
}

###########################################################################
# Settings, which the server knows once the library is loaded

foreach my $sql ('SHOW hamnet.max_atoms', 'SHOW hamnet.training_memory', q{ALTER SYSTEM SET hamnet.training_memory = '2GB'}, 'ALTER SYSTEM SET hamnet.max_atoms = 500')
{
	like((said($sql))[1], qr/unrecognized configuration parameter "hamnet\./, "not known before the library is loaded, as documented: $sql");
	is((said("LOAD 'hamnet'; $sql"))[1], '', "known after LOAD: $sql");
}
is((said(q{SET hamnet.training_memory = '3GB'; SELECT hamnet_norm('[1]'); SHOW hamnet.training_memory}))[0], "1\n3GB", 'SET before the library is loaded holds when it is');
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET hamnet.max_atoms = 700');
is((said(q{SELECT hamnet_norm('[1]'); SHOW hamnet.max_atoms}))[0], "1\n700", 'so does ALTER DATABASE');
like((said(q{SET hamnet.training_memory = 'all'; SELECT hamnet_norm('[1]')}))[1], qr/WARNING:  invalid value for parameter "hamnet.training_memory": "all"/, 'a value that is none is told when the library is loaded');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET hamnet.max_atoms');
$node->restart;
is((said(q{SHOW hamnet.training_memory; LOAD 'hamnet'; SHOW hamnet.max_atoms}))[0], "2GB\n500", 'what ALTER SYSTEM has set is there after a restart');
like((said(q{CALL hamnet_train('m', 'SELECT repeat(''C'', 501) AS smiles, 1.5 AS y')}))[1], qr/more than the limit of 500/, 'and holds');
$node->safe_psql('postgres', "LOAD 'hamnet'; ALTER SYSTEM RESET hamnet.max_atoms");
$node->safe_psql('postgres', "LOAD 'hamnet'; ALTER SYSTEM RESET hamnet.training_memory");
$node->append_conf('postgresql.conf', "session_preload_libraries = 'hamnet'");
$node->reload;
is((said('SHOW hamnet.max_atoms'))[0], 1000, 'session_preload_libraries makes them known at once');
$node->append_conf('postgresql.conf', "session_preload_libraries = ''\nshared_preload_libraries = 'hamnet'");
$node->restart;
is((said(q{ALTER SYSTEM SET hamnet.training_memory = '1GB'}))[1], '', 'so does shared_preload_libraries');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->safe_psql('postgres', 'ALTER SYSTEM RESET hamnet.training_memory');
$node->restart;

###########################################################################
# hamnet_enrich beside triggers and rules

my $fill = sub { return qq{CALL hamnet_enrich('$_[0]', 'smiles', 'fp', '{"model": "small", "workers": 0}')} };
my %bodies = (
	all => ['NEW.fp := NULL', 0],
	odd => ['NEW.fp := CASE WHEN NEW.id % 2 = 0 THEN NEW.fp END', 15],
	none => ['NEW.why := NULL', 30]);
foreach my $name (sort keys %bodies)
{
	my ($body, $filled) = @{ $bodies{$name} };

	$node->safe_psql('postgres', qq{
		CREATE TABLE trig_$name (LIKE molecule);
		INSERT INTO trig_$name SELECT * FROM molecule;
		CREATE FUNCTION t_$name() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $body; RETURN NEW; END';
		CREATE TRIGGER t BEFORE UPDATE ON trig_$name FOR EACH ROW EXECUTE FUNCTION t_$name();});
	complains($fill->("trig_$name"), qr/filled $filled of 30 rows/, "a trigger takes fingerprints away ($name): $filled of 30 rows are counted as filled");
	is($node->safe_psql('postgres', "SELECT count(fp) FROM trig_$name"), $filled, "a trigger takes fingerprints away ($name): so many are there");
}
$node->safe_psql('postgres', q{
	CREATE TABLE skipped (LIKE molecule);
	INSERT INTO skipped SELECT * FROM molecule;
	CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id > 20 THEN RETURN NULL; END IF; RETURN NEW; END';
	CREATE TRIGGER t BEFORE UPDATE ON skipped FOR EACH ROW EXECUTE FUNCTION skip();});
complains($fill->('skipped'), qr/filled 20 of 30 rows/, 'a trigger that leaves rows out: the others are counted');

my %rules = (nothing => 'NOTHING', other => 'UPDATE molecule SET why = NULL', conditional => 'NOTHING');
foreach my $name (sort keys %rules)
{
	my $where = $name eq 'conditional' ? 'WHERE OLD.id > 3' : '';

	$node->safe_psql('postgres', qq{
		CREATE TABLE ruled_$name (LIKE molecule);
		INSERT INTO ruled_$name SELECT * FROM molecule;
		CREATE RULE r AS ON UPDATE TO ruled_$name $where DO INSTEAD $rules{$name};});
	complains($fill->("ruled_$name"), qr/table "ruled_$name" has a rule that does something else instead of UPDATE.*HINT:.*DISABLE RULE/s, "a rule instead of UPDATE is refused by name ($name)");
}
complains('ALTER TABLE ruled_nothing DISABLE RULE r; ' . $fill->('ruled_nothing'), qr/filled 30 of 30 rows/, 'a disabled rule is no hindrance');

###########################################################################
# No internal statement in messages

my @hidden = (
	$fill->('molecule'),
	q{CALL hamnet_enrich('molecule', 'smiles', NULL, '{"model": "small", "predictions": {"solubility": "size"}, "error_column": "why"}')},
	q{SELECT * FROM hamnet_enrich_report('molecule', 'smiles', 'fp')},
	q{DO $$BEGIN PERFORM * FROM hamnet_enrich_report('molecule', 'smiles', 'fp'); END$$});
foreach my $sql (@hidden)
{
	my ($stdout, $stderr) = said("SET ROLE reader; $sql");

	like($stderr, qr/permission denied for table molecule/, 'a reader without rights is refused: ' . substr($sql, 0, 60));
	unlike($stderr, qr/SQL statement "(EXPLAIN|SELECT t\.)|QUERY:/, 'and sees no internal statement');
}
like((said("SET ROLE reader; $hidden[-1]"))[1], qr/CONTEXT:  (SQL statement "SELECT \* FROM hamnet_enrich_report.*\n)?PL\/pgSQL function inline_code_block/, 'the context of the caller\'s own function stays');

###########################################################################
# Indexes of temporary tables

(my $stdout, my $stderr) = said(q{
	CREATE TEMP TABLE scratch (fp hfp) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE scratch2 (fp hfp) ON COMMIT DELETE ROWS;
	CREATE INDEX ON scratch USING hamnet (fp);
	CREATE INDEX ON scratch2 USING hamnet (fp);
	\warn begin
	BEGIN; INSERT INTO scratch SELECT hamnet_fingerprint('CCO'); COMMIT;
	BEGIN; SELECT 1; COMMIT;
	SELECT 2;});
like($stderr, qr/built without data.*begin/s, 'an index that is created without data is told');
unlike($stderr =~ s/.*begin//sr, qr/NOTICE/, 'nothing is told at later commits');
complains('CREATE TABLE lasting (fp hfp); CREATE INDEX ON lasting USING hamnet (fp); TRUNCATE lasting', qr/(built without data.*){2}/s, 'a table that stays and is emptied is told of');

###########################################################################
# Arguments in another order, and targets by their names

complains($_->[0], qr/HINT:  [^\n]*$_->[1]/, "a hint helps: $_->[0]") foreach (
	[ q{SELECT hamnet_predict('CCO', 'small', 'solubility')}, qr/arguments are \(smiles, property, model\), and "small" is a model. It predicts "solubility", "lipophilicity", "bbbp"/ ],
	[ q{SELECT hamnet_try_predict('CCO', 'small', 'y')}, qr/It predicts "solubility"/ ],
	[ q{SELECT * FROM hamnet_explain('CCO', 'small', 'bbbp')}, qr/"small" is a model/ ],
	[ q{SELECT hamnet_svg_explain('CCO', 'small', 'bbbp')}, qr/"small" is a model/ ],
	[ q{SELECT hamnet_predict('CCO', 'toxicity', 'small')}, qr/It predicts "solubility", "lipophilicity", "bbbp"\./ ],
	[ q{SELECT hamnet_predict('CCO', 'small')}, qr/It predicts "solubility".*name one of them/ ],
	[ q{SELECT hamnet_predict('solubility', 'CCO')}, qr/arguments are \(smiles, property\), and "solubility" is a property/ ],
	[ q{SELECT hamnet_predict('small', 'CCO')}, qr/"small" is a property/ ]);

$node->safe_psql('postgres', q{
	CREATE EXTENSION citext;
	CREATE TABLE cased AS SELECT smiles::citext AS smiles, size FROM molecule;
	CALL hamnet_train('one', 'SELECT smiles, size FROM cased', '{"head": "kernel", "validation": "none"}');});
is($node->safe_psql('postgres', q{SELECT count(*) FROM hamnet_evaluate('one', 'SELECT smiles::varchar(99) AS s, size FROM cased')}), 3, 'citext is learned from, and a target evaluated by its name');
foreach my $column ('size AS weight', 'size AS "Size"', 'size::int AS id')
{
	complains("SELECT * FROM hamnet_evaluate('one', 'SELECT smiles, $column FROM molecule')", qr/model "one" does not predict .*HINT:  It predicts "size"\./s, "a model of one target is not evaluated on another: $column");
}

# A molecule is named once, on one line.
foreach my $molecule ("CCO\nCCN", "C1CC", "CCO\r\nCCC", "CC\tO O")
{
	my ($stdout, $stderr) = said("CALL hamnet_train('m', \$q\$SELECT CASE WHEN id = 3 THEN '$molecule' ELSE smiles END, size, true AS never FROM molecule\$q\$)");
	my ($detail) = $stderr =~ /DETAIL:  (.*?)\n[^\n]*(ERROR|NOTICE):/s;

	like($detail, qr/^[^\r\n\t]*: invalid SMILES: [^\r\n]+$/, 'a rejected molecule is named on one line');
}
is($node->safe_psql('postgres', q{
	CREATE TABLE bad AS SELECT 'C1CC' AS smiles, NULL::hfp AS fp UNION ALL SELECT 'C(C', NULL UNION ALL SELECT 'x "y": z', NULL;
	SELECT count(*) FROM hamnet_enrich_report('bad', 'smiles', 'fp') WHERE position(smiles in reason) > 0 OR reason !~ '^invalid SMILES: .'}), 0, 'reports print a SMILES once');

$node->stop;
done_testing();
