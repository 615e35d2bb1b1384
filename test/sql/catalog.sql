-- Rules that every object of the extension obeys. Each query lists offenders,
-- so that its expected result is no rows, or the exceptions its comment explains.
CREATE VIEW member AS
	SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
	FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname = 'hamnet' AND d.deptype = 'e'
		-- PostgreSQL 17 makes members also of the types that come with a table or a type
		AND NOT EXISTS (SELECT FROM pg_type AS t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND (typrelid <> 0 OR typcategory = 'A'));
CREATE VIEW member_function AS
	SELECT p.*, object FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid;
CREATE VIEW member_operator AS
	SELECT o.*, object FROM pg_operator o JOIN member ON classid = 'pg_operator'::regclass AND objid = o.oid;

-- the views see something
SELECT count(*) > 50 AS members, (SELECT count(*) > 30 FROM member_function) AS functions,
	(SELECT count(*) >= 10 FROM member_operator) AS operators FROM member;

-- everything has a comment
SELECT object FROM member
	WHERE coalesce(obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)), '') = '' ORDER BY 1;

-- names have a prefix, after an underscore where users have no business; aggregates share theirs with those of other types
SELECT object FROM member_function WHERE proname !~ '^(_?hamnet|g?hfp)(_|$)' AND prokind <> 'a' ORDER BY 1;

-- functions are parallel safe, except these, which write to tables of the
-- extension, run a statement of the caller's, or look at other backends
SELECT object FROM member_function WHERE proparallel <> 's' AND prokind <> 'p' ORDER BY object COLLATE "C";

-- functions behind operators, casts, types and aggregates are immutable
SELECT object, provolatile FROM member_function p
	WHERE provolatile <> 'i' AND (
		EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid)
		OR EXISTS (SELECT FROM pg_cast WHERE castfunc = p.oid)
		OR EXISTS (SELECT FROM pg_type WHERE p.oid IN (typinput, typoutput, typreceive, typsend, typmodin))
		OR EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggcombinefn, aggfinalfn)))
	ORDER BY 1;

-- C functions come from this module
SELECT object, probin FROM member_function p JOIN pg_language l ON p.prolang = l.oid
	WHERE lanname = 'c' AND probin !~ 'hamnet$' ORDER BY 1;
-- functions of fingerprints are not called with NULL, except a search, whose filter may be left out
SELECT object FROM member_function
	WHERE NOT proisstrict AND prokind = 'f' AND 'hfp'::regtype = ANY (proargtypes::oid[]) ORDER BY 1;

-- aggregates can run in parallel
SELECT object FROM member_function p JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE aggcombinefn = 0 ORDER BY 1;

-- commutators exchange the arguments, mutually; only the planner writes operators of hfp_ball, and always this way round
SELECT o.object FROM member_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom
	WHERE o.oprright <> 'hfp_ball'::regtype AND o.oprcom = 0 OR c.oprcom <> o.oid OR c.oprleft <> o.oprright OR c.oprright <> o.oprleft OR c.oprresult <> o.oprresult
	ORDER BY 1;

-- every boolean operator has a negator of the same arguments, mutually
SELECT o.object FROM member_operator o LEFT JOIN pg_operator n ON n.oid = o.oprnegate
	WHERE o.oprresult = 'boolean'::regtype AND o.oprright <> 'hfp_ball'::regtype AND
		(n.oid IS NULL OR n.oprnegate <> o.oid OR n.oid = o.oid OR n.oprleft <> o.oprleft OR n.oprright <> o.oprright)
	ORDER BY 1;

-- boolean operators, and only they, can estimate
SELECT object FROM member_operator
	WHERE (oprresult = 'boolean'::regtype) <> (oprrest <> 0 AND oprjoin <> 0) ORDER BY 1;

-- operators that promise hashing or merging have the operator class for it
SELECT object FROM member_operator o
	WHERE oprcanhash AND NOT EXISTS (SELECT FROM pg_amop a JOIN pg_am ON pg_am.oid = amopmethod WHERE amopopr = o.oid AND amname = 'hash')
	OR oprcanmerge AND NOT EXISTS (SELECT FROM pg_amop a JOIN pg_am ON pg_am.oid = amopmethod WHERE amopopr = o.oid AND amname = 'btree')
	ORDER BY 1;

-- each access method finds its operator classes complete
SELECT object FROM member WHERE classid = 'pg_opclass'::regclass AND NOT amvalidate(objid) ORDER BY 1;

-- types have binary input and output, an order and a hash, but for hfp_ball and ghfp, which no table stores
SELECT object FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	WHERE typtype = 'b' AND m.objid NOT IN ('hfp_ball'::regtype, 'ghfp'::regtype) AND (typreceive = 0 OR typsend = 0 OR NOT EXISTS
		(SELECT FROM pg_opclass JOIN pg_am ON pg_am.oid = opcmethod WHERE opcintype = t.oid AND opcdefault AND amname IN ('btree', 'hash')
		HAVING count(*) = 2))
	ORDER BY 1;

DROP VIEW member, member_function, member_operator;
