# The package as an administrator installs it and two ordinary users meet it, on a booted Debian: install, init and
# bootstrap against the simulator, start on the first connection, rotation, crash, hang, bad configuration, lost keys,
# memory, sleep, a TPM, upgrade, removal, purge, leaks; then the daemon of one person, and the other package's scripts. Sourced by
# tests/system/boot; prints a line per promise. What a promise looks at is in a chapter of its idea.

for chapter in words installing configuring using examining measuring holding crashing unsealed proving losing upgrading leaking person other_package; do
    # shellcheck source=/dev/null
    source "$(dirname "$scenario")/chapters/$chapter.sh"
done

PACKAGE=$(cd "$ROOT/root" && echo pat-broker_*.deb)
mkdir -p "$ROOT$GUEST"
mv "$ROOT"/root/guest/* "$ROOT/root/snowflake-sim" "$ROOT/root/rpm" "$ROOT$GUEST"

begun=$(milliseconds)
needed "apt installs the package, as the README says" installs_as_the_readme_says
promise "pat-exec is setgid patclient, and the folders have their owners" rights_are_right
promise "installing starts and enables nothing" nothing_runs_yet
promise "the unit for laptops can be enabled, as the manual says" sleep_unit_can_be_enabled
promise "systemd finds nothing wrong with the units, and their manual pages are there" units_verify
promise "the unit's exposure is at most 1.4" exposure_is_low
needed "the simulator runs in the guest, over TLS" starts_simulator
needed "patctl init seals both keys and gives the state to patd" init_seals_keys
promise "patctl init a second time changes nothing" init_again_changes_nothing
needed "patctl add writes an entry that validates" adds_entry
needed "the bootstrap script runs at Snowflake" bootstraps
needed "the first pat-exec starts the daemon, and its child is MIGUEL_CLI with MIGUEL_CLI_ROLE" first_use_starts_it
printf 'from installation to the first pat-exec: %s ms\n' $(($(milliseconds) - begun))
promise "Snowflake saw that login" snowflake_saw_the_same
promise "the same by variables" served --deliver env
promise "the kernel shows the gate, and the audit log says so" gate_is_shown
promise "another user is refused with the fixed text, whatever is asked for" stranger_is_refused
promise "patctl status is for root and patd-admin" status_is_for_admins
promise "patctl doctor finds a good host, and says what could be better" doctor_finds_a_good_host
promise "patctl doctor tells an ordinary user what it may see, and shows no secret" doctor_tells_a_user_what_it_may_see
promise "an admin socket that is open to all is found by the daemon and by patctl doctor" daemon_says_what_is_wrong_with_its_sockets
promise "monitoring has the daemon's numbers from the admin socket, and nobody else has" a_scrape_is_openmetrics
promise "the timer keeps them for node_exporter, once it is enabled" textfile_is_kept_by_the_timer
promise "where no daemon answers, that file says so" textfile_says_that_no_daemon_answers
promise "what the daemon logs of a slot has fields in the journal" journal_has_fields
promise "the running daemon has no capability, a filter and no core files" process_is_confined
promise "the id of this boot is hidden from the daemon and told by its unit: leases and audit log have it" boot_is_told_by_the_unit
promise "an ungated copy of pat-exec is told apart, and refused where the gate is required" ungated_is_told_apart
promise "nothing is left of the private homes" eventually 10 private_homes_are 0
promise "a program that keeps running gets a token" start_holder
promise "a rotation reaches the running program" rotation_reaches_it 2
promise "no secret in any command line while it runs" processes_are_clean
promise "a restart issues nothing" restart_issues_nothing
promise "kill -9: started again, same generation served" survives KILL
promise "ten times kill -9 under load: never locked out, same generation served, no token issued" survives_ten_kills_under_load
promise "a hang: ended by the watchdog, started again, same generation served" survives_a_hang
promise "a new admin key by the unit and by hand, and the daemon logs in with it" admin_key_rotates
promise "memory is locked, or said not to be and why" memory_is_said_to_be_as_it_is
promise "where it may, it has all of its memory locked, and serves" memory_is_locked_where_it_may_be
promise "a machine that suspends sleeps without daemon, sockets and unsealed keys, and all are back when it wakes" sleeps_without_keys
promise "what was stopped before it slept stays so when it wakes" wakes_as_it_went_to_sleep
promise "keys sealed by a TPM open, and only with that TPM" unseals_by_a_tpm
promise "and without it again by the key of the host" leaves_the_tpm
promise "each head of the audit log is in the journal, in fields of its own" heads_are_in_the_journal
promise "the journal proves the audit log, and shows that one was cut" the_journal_proves_the_log
promise "after all that, a rotation still reaches the running program" rotation_reaches_it 3
promise "a bad configuration is not reloaded, and that is said" bad_reload_keeps_the_old
good_configuration
promise "an upgrade keeps state, sockets and generation" upgrade_keeps_everything
promise "after the upgrade, a rotation still reaches the running program" rotation_reaches_it 4
promise "the program ends, and its private home with it" holder_ends_well
in_root cp -pr /etc/patd/credentials /root/keys
promise "the example hook says nothing of a crash" hook_is_put_up
promise "no root key: exit 78, a next step, no storm of starts, and served again once it is back" without_key root-key
good_keys
promise "the example hook has told a person" hook_is_taken_down
promise "no admin key: the same" without_key admin-key
good_keys
promise "another root key: the same" with_another_root_key
good_keys
promise "a damaged key: systemd gives up, no storm of starts, and served again once it is back" with_a_damaged_key
good_keys
promise "a store that is lost: refused, and after patctl rebuild only who is enrolled again is served" rebuilt_store_serves_whom_a_person_enrols
promise "an administrator's dpkg-statoverride of pat-exec is kept" an_administrators_override_is_kept
promise "a new installation leaves a folder the mode that an administrator gave it" folders_keep_the_mode_that_they_were_given
promise "removal keeps configuration and state, and a new installation goes on with them" removal_keeps_state
promise "a person has a session and an open keyring" has_a_session_with_a_keyring
promise "keys of the person's own daemon are in the keyring, and in no file" keeps_its_keys_in_the_keyring
promise "its first pat-exec starts it, and its child is MIGUEL_OWN with MIGUEL_OWN_ROLE" starts_on_first_use_for_the_person
promise "nobody else reaches it" is_nobody_elses
promise "patctl doctor knows it for one person's" doctor_knows_a_persons_daemon
promise "it has a filter, no new privileges and no core files" persons_daemon_is_confined
promise "kill -9: started again by the person's systemd" survives_for_the_person
promise "no secret in any file of the guest" files_are_clean
promise "no secret in any command line" processes_are_clean
promise "no secret in the journal" journal_is_clean
promise "a secret that is there is found by each of these searches" canaries_are_found
promise "the person's daemon ends, and its sockets with it" ends_with_the_person
promise "purge removes configuration and state, and says that tokens live on" purge_removes_all_and_says_what_lives_on
promise "the rpm's files and its first script: the same rights, nothing started" lays_out_the_rpm
promise "an upgrade by the rpm's scripts keeps the sockets" upgrades_by_the_rpm
promise "the last script keeps configuration and state, and says that tokens live on" erases_by_the_rpm
echo "the scenario is complete"
