terraform {
  required_providers {
    snowflake = {
      source  = "snowflakedb/snowflake"
      version = "~> 2.0"
    }
  }
}

provider "snowflake" {
  role                     = "ACCOUNTADMIN"
  preview_features_enabled = ["snowflake_authentication_policy_resource", "snowflake_network_rule_resource", "snowflake_user_authentication_policy_attachment_resource"]
}

resource "snowflake_database" "patd_home" {
  comment = "PAT Broker"
  name    = "PATD"
}

resource "snowflake_schema" "patd_home" {
  comment  = "PAT Broker"
  database = snowflake_database.patd_home.name
  name     = "POLICIES"
}

resource "snowflake_network_rule" "patd_ingress" {
  comment    = "PAT Broker"
  database   = snowflake_database.patd_home.name
  schema     = snowflake_schema.patd_home.name
  name       = "PATD_NETWORK_INGRESS"
  type       = "IPV4"
  mode       = "INGRESS"
  value_list = ["192.0.2.7", "198.51.100.0/24"]
}

resource "snowflake_network_policy" "patd" {
  comment                   = "PAT Broker"
  name                      = "PATD_NETWORK"
  allowed_network_rule_list = [snowflake_network_rule.patd_ingress.fully_qualified_name, "\"SNOWFLAKE\".\"NETWORK_SECURITY\".\"DBT_APAC_AWS\""]
}

resource "snowflake_authentication_policy" "patd_tokens_only" {
  comment                = "PAT Broker"
  database               = snowflake_database.patd_home.name
  schema                 = snowflake_schema.patd_home.name
  name                   = "PATD_TOKENS_ONLY"
  authentication_methods = ["PROGRAMMATIC_ACCESS_TOKEN"]
  pat_policy {
    default_expiry_in_days    = 7
    max_expiry_in_days        = 30
    network_policy_evaluation = "ENFORCED_REQUIRED"
    # REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS is TRUE unless somebody changes it
  }
  lifecycle {
    # all hosts share this policy: to raise the days for another one, take this out
    ignore_changes = [pat_policy[0].default_expiry_in_days, pat_policy[0].max_expiry_in_days]
  }
}

resource "snowflake_authentication_policy" "patd_key_only" {
  comment                = "PAT Broker"
  database               = snowflake_database.patd_home.name
  schema                 = snowflake_schema.patd_home.name
  name                   = "PATD_KEY_ONLY"
  authentication_methods = ["KEYPAIR"]
}

resource "snowflake_authentication_policy" "patd_services" {
  comment                = "PAT Broker"
  database               = snowflake_database.patd_home.name
  schema                 = snowflake_schema.patd_home.name
  name                   = "PATD_SERVICES"
  authentication_methods = ["ALL"]
  # for an account without policies of its own; otherwise carry over what they say: patctl plan shows it
}

resource "snowflake_execute" "patd_services_in_force" {
  execute    = "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_SERVICES\" FOR ALL SERVICE USERS"
  revert     = "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL SERVICE USERS"
  depends_on = [snowflake_authentication_policy.patd_services]
}

resource "snowflake_authentication_policy" "patd_persons" {
  comment                = "PAT Broker"
  database               = snowflake_database.patd_home.name
  schema                 = snowflake_schema.patd_home.name
  name                   = "PATD_PERSONS"
  authentication_methods = ["KEYPAIR", "OAUTH", "PASSWORD", "SAML", "WORKLOAD_IDENTITY"]
  # for an account without policies of its own; otherwise carry over what they say: patctl plan shows it
}

resource "snowflake_execute" "patd_persons_pat_policy" {
  execute    = "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" SET AUTHENTICATION_METHODS = ('KEYPAIR', 'OAUTH', 'PASSWORD', 'SAML', 'WORKLOAD_IDENTITY') PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 15 MAX_EXPIRY_IN_DAYS = 365 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS = TRUE REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)"
  revert     = "ALTER AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" UNSET PAT_POLICY"
  depends_on = [snowflake_authentication_policy.patd_persons]
}

resource "snowflake_execute" "patd_persons_in_force" {
  execute    = "ALTER ACCOUNT SET AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\" FOR ALL PERSON USERS"
  revert     = "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL PERSON USERS"
  depends_on = [snowflake_authentication_policy.patd_persons]
}

resource "snowflake_account_role" "patd_broker" {
  comment = "PAT Broker"
  name    = "PATD_HOST1_ROLE"
}

resource "snowflake_service_user" "patd_broker" {
  comment                        = "PAT Broker"
  name                           = "PATD_HOST1"
  default_secondary_roles_option = "NONE"
  default_role                   = snowflake_account_role.patd_broker.name
  rsa_public_key                 = "MIIBIjANBg"
  network_policy                 = snowflake_network_policy.patd.name
}

resource "snowflake_user_authentication_policy_attachment" "patd_broker" {
  authentication_policy_name = snowflake_authentication_policy.patd_key_only.fully_qualified_name
  user_name                  = snowflake_service_user.patd_broker.name
}

resource "snowflake_grant_account_role" "patd_broker" {
  role_name = snowflake_account_role.patd_broker.name
  user_name = snowflake_service_user.patd_broker.name
}

resource "snowflake_grant_privileges_to_account_role" "patd_broker_itself_tokens" {
  account_role_name = snowflake_account_role.patd_broker.name
  privileges        = ["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"]
  on_account_object {
    object_type = "USER"
    object_name = snowflake_service_user.patd_broker.name
  }
}

resource "snowflake_account_role" "miguel_cli" {
  comment = "PAT Broker"
  name    = "MIGUEL_CLI_ROLE"
}

resource "snowflake_grant_account_role" "miguel_cli_to_sysadmin" {
  role_name        = snowflake_account_role.miguel_cli.name
  parent_role_name = "SYSADMIN"
}

resource "snowflake_grant_privileges_to_account_role" "miguel_cli_usage_wh" {
  account_role_name = snowflake_account_role.miguel_cli.name
  privileges        = ["USAGE"]
  on_account_object {
    object_type = "WAREHOUSE"
    object_name = "WH"
  }
}

resource "snowflake_grant_privileges_to_account_role" "miguel_cli_select_db_public_orders" {
  account_role_name = snowflake_account_role.miguel_cli.name
  privileges        = ["SELECT"]
  on_schema_object {
    object_type = "TABLE"
    object_name = "\"DB\".\"PUBLIC\".\"ORDERS\""
  }
}

resource "snowflake_grant_database_role" "miguel_cli_snowflake_cortex_user" {
  database_role_name = "\"SNOWFLAKE\".\"CORTEX_USER\""
  parent_role_name   = snowflake_account_role.miguel_cli.name
}

resource "snowflake_service_user" "miguel_cli" {
  comment                        = "PAT Broker"
  name                           = "MIGUEL_CLI"
  default_secondary_roles_option = "NONE"
  default_role                   = snowflake_account_role.miguel_cli.name
  default_warehouse              = "WH"
  network_policy                 = snowflake_network_policy.patd.name
}

resource "snowflake_user_authentication_policy_attachment" "miguel_cli" {
  authentication_policy_name = snowflake_authentication_policy.patd_tokens_only.fully_qualified_name
  user_name                  = snowflake_service_user.miguel_cli.name
}

resource "snowflake_grant_account_role" "miguel_cli" {
  role_name = snowflake_account_role.miguel_cli.name
  user_name = snowflake_service_user.miguel_cli.name
}

resource "snowflake_grant_privileges_to_account_role" "miguel_cli_tokens" {
  account_role_name = snowflake_account_role.patd_broker.name
  privileges        = ["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"]
  on_account_object {
    object_type = "USER"
    object_name = snowflake_service_user.miguel_cli.name
  }
}
