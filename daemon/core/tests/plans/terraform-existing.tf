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

resource "snowflake_grant_account_role" "miguel_cli" {
  role_name = "MIGUEL_CLI_ROLE"
  user_name = "MIGUEL_CLI"
}

resource "snowflake_grant_privileges_to_account_role" "miguel_cli_tokens" {
  account_role_name = "PATD_HOST1_ROLE"
  privileges        = ["MODIFY PROGRAMMATIC AUTHENTICATION METHODS"]
  on_account_object {
    object_type = "USER"
    object_name = "MIGUEL_CLI"
  }
}
