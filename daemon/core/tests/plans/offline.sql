-- PAT Broker at MYORG-MYACCOUNT: 33 statements

-- note (tokens-kept): authentication policy PATD.POLICIES.PATD_TOKENS_ONLY: if it was there already, what it says of tokens stays: other hosts may need a longer life than this one. Where its MAX_EXPIRY_IN_DAYS is below 30 (DESCRIBE AUTHENTICATION POLICY shows it), run this with the most that any host needs: ALTER AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_TOKENS_ONLY" SET PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 30 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)

-- note (assumes-empty): account: the policies of the account start from none here: one that is in force is replaced with all it says; where there is one, plan against the live account

USE ROLE "ACCOUNTADMIN";

-- the broker's role: it may manage tokens of the registered users and nothing else
CREATE ROLE IF NOT EXISTS "PATD_HOST1_ROLE" COMMENT = 'PAT Broker';

-- the one role of this service user
CREATE ROLE IF NOT EXISTS "MIGUEL_CLI_ROLE" COMMENT = 'PAT Broker';

-- what the role is declared to use
GRANT USAGE ON WAREHOUSE "WH" TO ROLE "MIGUEL_CLI_ROLE";

-- what the role is declared to use
GRANT SELECT ON TABLE "DB"."PUBLIC"."ORDERS" TO ROLE "MIGUEL_CLI_ROLE";

-- without it the best token meets an agent that may not answer
GRANT DATABASE ROLE "SNOWFLAKE"."CORTEX_USER" TO ROLE "MIGUEL_CLI_ROLE";

-- what this role makes stays in reach of SYSADMIN
GRANT ROLE "MIGUEL_CLI_ROLE" TO ROLE "SYSADMIN";

-- a place for rules and policies; no data lives here
CREATE DATABASE IF NOT EXISTS "PATD" COMMENT = 'PAT Broker';

-- a place for rules and policies; no data lives here
CREATE SCHEMA IF NOT EXISTS "PATD"."POLICIES" COMMENT = 'PAT Broker';

-- from where broker and service users may connect
CREATE OR ALTER NETWORK RULE "PATD"."POLICIES"."PATD_NETWORK_INGRESS" TYPE = IPV4 VALUE_LIST = ('192.0.2.7', '198.51.100.0/24') MODE = INGRESS COMMENT = 'PAT Broker';

-- Snowflake issues no token to a service user without a network policy
CREATE NETWORK POLICY IF NOT EXISTS "PATD_NETWORK" ALLOWED_NETWORK_RULE_LIST = ('"PATD"."POLICIES"."PATD_NETWORK_INGRESS"', '"SNOWFLAKE"."NETWORK_SECURITY"."DBT_APAC_AWS"') COMMENT = 'PAT Broker';

-- in case the policy existed
ALTER NETWORK POLICY "PATD_NETWORK" SET ALLOWED_NETWORK_RULE_LIST = ('"PATD"."POLICIES"."PATD_NETWORK_INGRESS"', '"SNOWFLAKE"."NETWORK_SECURITY"."DBT_APAC_AWS"');

-- service users log in with role-restricted tokens and nothing else
CREATE AUTHENTICATION POLICY IF NOT EXISTS "PATD"."POLICIES"."PATD_TOKENS_ONLY" AUTHENTICATION_METHODS = ('PROGRAMMATIC_ACCESS_TOKEN') PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 30 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE) COMMENT = 'PAT Broker';

-- in case the policy existed
ALTER AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_TOKENS_ONLY" SET AUTHENTICATION_METHODS = ('PROGRAMMATIC_ACCESS_TOKEN');

-- the broker logs in with its key and nothing else
CREATE AUTHENTICATION POLICY IF NOT EXISTS "PATD"."POLICIES"."PATD_KEY_ONLY" AUTHENTICATION_METHODS = ('KEYPAIR') COMMENT = 'PAT Broker';

-- in case the policy existed
ALTER AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_KEY_ONLY" SET AUTHENTICATION_METHODS = ('KEYPAIR');

-- service users may use tokens, and all they could use before
CREATE AUTHENTICATION POLICY IF NOT EXISTS "PATD"."POLICIES"."PATD_SERVICES" AUTHENTICATION_METHODS = ('ALL') COMMENT = 'PAT Broker';

-- in case the policy existed
ALTER AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_SERVICES" SET AUTHENTICATION_METHODS = ('ALL');

-- service users may use tokens, and all they could use before
-- ! think first: this governs every user of its kind in the account
-- ! not seen: which other service users there are; it needs a live account
ALTER ACCOUNT SET AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_SERVICES" FOR ALL SERVICE USERS FORCE;

-- no person logs in with a token, or makes one
CREATE AUTHENTICATION POLICY IF NOT EXISTS "PATD"."POLICIES"."PATD_PERSONS" AUTHENTICATION_METHODS = ('KEYPAIR', 'OAUTH', 'PASSWORD', 'SAML', 'WORKLOAD_IDENTITY') PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 15 MAX_EXPIRY_IN_DAYS = 365 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS = TRUE REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE) COMMENT = 'PAT Broker';

-- in case the policy existed
ALTER AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_PERSONS" SET AUTHENTICATION_METHODS = ('KEYPAIR', 'OAUTH', 'PASSWORD', 'SAML', 'WORKLOAD_IDENTITY') PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 15 MAX_EXPIRY_IN_DAYS = 365 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS = TRUE REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE);

-- no person logs in with a token, or makes one
-- ! think first: this governs every user of its kind in the account
-- ! not seen: which person users there are; it needs a live account
ALTER ACCOUNT SET AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_PERSONS" FOR ALL PERSON USERS FORCE;

-- the broker's user, with the key this host made
CREATE USER IF NOT EXISTS "PATD_HOST1" TYPE = SERVICE DEFAULT_ROLE = "PATD_HOST1_ROLE" DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = 'MIIBIjANBg' COMMENT = 'PAT Broker';

-- in case the user existed
ALTER USER "PATD_HOST1" SET TYPE = SERVICE DEFAULT_ROLE = "PATD_HOST1_ROLE" DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = 'MIIBIjANBg';

-- from where this user may connect
ALTER USER "PATD_HOST1" SET NETWORK_POLICY = "PATD_NETWORK";

-- how this user may log in
ALTER USER "PATD_HOST1" SET AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_KEY_ONLY" FORCE;

-- the broker's only role
GRANT ROLE "PATD_HOST1_ROLE" TO USER "PATD_HOST1";

-- the broker may replace its own key
GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER "PATD_HOST1" TO ROLE "PATD_HOST1_ROLE";

-- the service user the command line works as
CREATE USER IF NOT EXISTS "MIGUEL_CLI" TYPE = SERVICE DEFAULT_ROLE = "MIGUEL_CLI_ROLE" DEFAULT_SECONDARY_ROLES = () DEFAULT_WAREHOUSE = "WH" COMMENT = 'PAT Broker';

-- in case the user existed
ALTER USER "MIGUEL_CLI" SET TYPE = SERVICE DEFAULT_ROLE = "MIGUEL_CLI_ROLE" DEFAULT_SECONDARY_ROLES = () DEFAULT_WAREHOUSE = "WH";

-- from where this user may connect
ALTER USER "MIGUEL_CLI" SET NETWORK_POLICY = "PATD_NETWORK";

-- how this user may log in
ALTER USER "MIGUEL_CLI" SET AUTHENTICATION POLICY "PATD"."POLICIES"."PATD_TOKENS_ONLY" FORCE;

-- a token's role restriction grants nothing: the role must be granted already
GRANT ROLE "MIGUEL_CLI_ROLE" TO USER "MIGUEL_CLI";

-- all the broker can do: manage this user's tokens and keys
GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER "MIGUEL_CLI" TO ROLE "PATD_HOST1_ROLE";
