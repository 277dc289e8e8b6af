/** The first schema on SQLite. Frozen: later changes are migrations of their own. */
export const sqlite: readonly string[] = [
  `CREATE TABLE "events" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now'))
  )`,
  `CREATE TABLE "users" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar(255) NOT NULL, "password" text, "status" integer NOT NULL,
    "usertype" integer NOT NULL, CONSTRAINT "users_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "permissions" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar(50) NOT NULL, "description" text, CONSTRAINT "permissions_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "channels" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar(128) NOT NULL, "description" text, "enabled" boolean NOT NULL DEFAULT (1),
    "comment" text, CONSTRAINT "channels_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "package" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "package_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "volume" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "volume_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "content_generator" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "content_generator_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "btype" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "btype_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "tag" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "tag_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "build_target" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "build_target_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "external_repo" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "external_repo_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "groups" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar(50) NOT NULL, CONSTRAINT "groups_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "archivetypes" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, "description" text NOT NULL, "extensions" text NOT NULL,
    "compression_type" text, CONSTRAINT "archivetypes_name_key" UNIQUE ("name")
  )`,
  `CREATE TABLE "proton_queue" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "created_ts" datetime DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    "address" text NOT NULL, "props" text NOT NULL, "body" text NOT NULL
  )`,
  `CREATE TABLE "scheduler_sys_data" (
    "name" text PRIMARY KEY NOT NULL, "data" text
  )`,
  `CREATE TABLE "locks" (
    "name" text PRIMARY KEY NOT NULL
  )`,
  `CREATE TABLE "event_labels" (
    "event_id" integer NOT NULL, "label" varchar(255) PRIMARY KEY NOT NULL,
    CONSTRAINT "event_labels_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "events" ("id")
  )`,
  `CREATE TABLE "user_krb_principals" (
    "user_id" integer NOT NULL, "krb_principal" varchar(255) NOT NULL, CONSTRAINT "user_krb_principals_krb_principal_key" UNIQUE ("krb_principal"),
    CONSTRAINT "user_krb_principals_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"), PRIMARY KEY ("user_id", "krb_principal")
  )`,
  `CREATE TABLE "user_groups" (
    "create_event" integer NOT NULL, "user_id" integer NOT NULL, "group_id" integer NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "user_groups_user_id_group_id_active_key" UNIQUE ("user_id", "group_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "user_groups_active_check" CHECK (active),
    CONSTRAINT "user_groups_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "user_groups_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "user_groups_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "users" ("id"),
    CONSTRAINT "user_groups_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "user_groups_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "user_groups_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "user_id", "group_id")
  )`,
  `CREATE TABLE "user_perms" (
    "create_event" integer NOT NULL, "user_id" integer NOT NULL, "perm_id" integer NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "user_perms_user_id_perm_id_active_key" UNIQUE ("user_id", "perm_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "user_perms_active_check" CHECK (active),
    CONSTRAINT "user_perms_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "user_perms_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "user_perms_perm_id_fkey" FOREIGN KEY ("perm_id") REFERENCES "permissions" ("id"),
    CONSTRAINT "user_perms_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "user_perms_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "user_perms_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "user_id", "perm_id")
  )`,
  `CREATE TABLE "sessions" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "expired" boolean NOT NULL DEFAULT (0), "master" integer,
    "key" varchar(255), "authtype" integer, "hostip" varchar(255), "callnum" integer,
    "start_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    "update_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')), "exclusive" boolean, "closed" boolean NOT NULL DEFAULT (0),
    "renew_time" datetime, CONSTRAINT "sessions_user_id_exclusive_key" UNIQUE ("user_id", "exclusive"),
    CONSTRAINT "no_closed_exclusive" CHECK (closed IS FALSE OR exclusive IS NULL),
    CONSTRAINT "no_exclusive_subsessions" CHECK (master IS NULL OR exclusive IS NULL), CONSTRAINT "sessions_exclusive_check" CHECK (exclusive),
    CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "sessions_master_fkey" FOREIGN KEY ("master") REFERENCES "sessions" ("id")
  )`,
  `CREATE INDEX "sessions_active_and_recent" ON "sessions" ("expired", "master", "update_time") WHERE ((expired = false) AND (master IS NULL))`,
  `CREATE INDEX "sessions_expired" ON "sessions" ("expired")`,
  `CREATE INDEX "sessions_master" ON "sessions" ("master")`,
  `CREATE TABLE "host" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "name" varchar(128) NOT NULL, "update_time" datetime,
    "task_load" double precision NOT NULL DEFAULT (0.0), "ready" boolean NOT NULL DEFAULT (0), CONSTRAINT "host_name_key" UNIQUE ("name"),
    CONSTRAINT "host_task_load_check" CHECK (NOT task_load < 0), CONSTRAINT "host_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id")
  )`,
  `CREATE TABLE "host_config" (
    "create_event" integer NOT NULL, "host_id" integer NOT NULL, "arches" text, "capacity" double precision NOT NULL DEFAULT (2.0), "description" text,
    "comment" text, "enabled" boolean NOT NULL DEFAULT (1), "revoke_event" integer, "creator_id" integer NOT NULL, "revoker_id" integer,
    "active" boolean DEFAULT (1), CONSTRAINT "host_config_host_id_active_key" UNIQUE ("host_id", "active"),
    CONSTRAINT "host_config_capacity_check" CHECK (capacity > 1),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "host_config_active_check" CHECK (active),
    CONSTRAINT "host_config_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "host_config_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id"),
    CONSTRAINT "host_config_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "host_config_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "host_config_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "host_id")
  )`,
  `CREATE INDEX "host_config_by_active_and_enabled" ON "host_config" ("active", "enabled")`,
  `CREATE TABLE "host_channels" (
    "create_event" integer NOT NULL, "host_id" integer NOT NULL, "channel_id" integer NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "host_channels_host_id_channel_id_active_key" UNIQUE ("host_id", "channel_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "host_channels_active_check" CHECK (active),
    CONSTRAINT "host_channels_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "host_channels_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id"),
    CONSTRAINT "host_channels_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channels" ("id"),
    CONSTRAINT "host_channels_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "host_channels_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "host_channels_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "host_id", "channel_id")
  )`,
  `CREATE TABLE "task" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "state" integer,
    "create_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')), "start_time" datetime, "completion_time" datetime,
    "channel_id" integer NOT NULL, "host_id" integer, "parent" integer, "label" varchar(255), "waiting" boolean, "awaited" boolean,
    "owner" integer NOT NULL, "method" text, "request" text, "result" text, "eta" integer, "arch" varchar(16) NOT NULL, "priority" integer,
    "weight" double precision NOT NULL DEFAULT (1.0), CONSTRAINT "task_parent_label_key" UNIQUE ("parent", "label"),
    CONSTRAINT "parent_label_sane" CHECK (parent IS NOT NULL OR label IS NULL), CONSTRAINT "task_weight_check" CHECK (NOT weight < 0),
    CONSTRAINT "task_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channels" ("id"),
    CONSTRAINT "task_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id"),
    CONSTRAINT "task_parent_fkey" FOREIGN KEY ("parent") REFERENCES "task" ("id"),
    CONSTRAINT "task_owner_fkey" FOREIGN KEY ("owner") REFERENCES "users" ("id")
  )`,
  `CREATE INDEX "task_by_host" ON "task" ("host_id")`,
  `CREATE INDEX "task_by_no_parent_state_method" ON "task" ("parent", "state", "method") WHERE (parent IS NULL)`,
  `CREATE INDEX "task_by_state" ON "task" ("state")`,
  `CREATE TABLE "tag_packages" (
    "create_event" integer NOT NULL, "package_id" integer NOT NULL, "tag_id" integer NOT NULL, "blocked" boolean NOT NULL DEFAULT (0),
    "extra_arches" text, "revoke_event" integer, "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "tag_packages_package_id_tag_id_active_key" UNIQUE ("package_id", "tag_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_packages_active_check" CHECK (active),
    CONSTRAINT "tag_packages_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_packages_package_id_fkey" FOREIGN KEY ("package_id") REFERENCES "package" ("id"),
    CONSTRAINT "tag_packages_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_packages_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_packages_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_packages_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "package_id", "tag_id")
  )`,
  `CREATE INDEX "tag_packages_active_tag_id" ON "tag_packages" ("active", "tag_id")`,
  `CREATE INDEX "tag_packages_create_event" ON "tag_packages" ("create_event")`,
  `CREATE INDEX "tag_packages_revoke_event" ON "tag_packages" ("revoke_event")`,
  `CREATE TABLE "tag_package_owners" (
    "create_event" integer NOT NULL, "package_id" integer NOT NULL, "tag_id" integer NOT NULL, "owner" integer NOT NULL, "revoke_event" integer,
    "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "tag_package_owners_package_id_tag_id_active_key" UNIQUE ("package_id", "tag_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_package_owners_active_check" CHECK (active),
    CONSTRAINT "tag_package_owners_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_package_owners_package_id_fkey" FOREIGN KEY ("package_id") REFERENCES "package" ("id"),
    CONSTRAINT "tag_package_owners_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_package_owners_owner_fkey" FOREIGN KEY ("owner") REFERENCES "users" ("id"),
    CONSTRAINT "tag_package_owners_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_package_owners_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_package_owners_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"),
    PRIMARY KEY ("create_event", "package_id", "tag_id")
  )`,
  `CREATE TABLE "cg_users" (
    "create_event" integer NOT NULL, "cg_id" integer NOT NULL, "user_id" integer NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "cg_users_cg_id_user_id_active_key" UNIQUE ("cg_id", "user_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "cg_users_active_check" CHECK (active), CONSTRAINT "cg_users_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "cg_users_cg_id_fkey" FOREIGN KEY ("cg_id") REFERENCES "content_generator" ("id"),
    CONSTRAINT "cg_users_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "cg_users_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "cg_users_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "cg_users_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "cg_id", "user_id")
  )`,
  `CREATE TABLE "build" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "volume_id" integer NOT NULL, "pkg_id" integer NOT NULL, "version" text NOT NULL,
    "release" text NOT NULL, "epoch" integer, "draft" boolean NOT NULL DEFAULT (0), "source" text, "create_event" integer NOT NULL, "start_time" datetime,
    "completion_time" datetime, "promotion_time" datetime, "state" integer NOT NULL, "task_id" integer, "owner" integer NOT NULL, "promoter" integer,
    "cg_id" integer, "extra" text, CONSTRAINT "build_pkg_ver_rel" UNIQUE ("pkg_id", "version", "release"),
    CONSTRAINT "draft_for_rpminfo" UNIQUE ("id", "draft"),
    CONSTRAINT "completion_sane" CHECK ((state = 0 AND completion_time IS NULL) OR (state <> 0 AND completion_time IS NOT NULL)),
    CONSTRAINT "draft_release_sane" CHECK (NOT draft OR release GLOB ('*,draft_' || id)),
    CONSTRAINT "promotion_sane" CHECK (NOT draft OR (promotion_time IS NULL AND promoter IS NULL)),
    CONSTRAINT "build_volume_id_fkey" FOREIGN KEY ("volume_id") REFERENCES "volume" ("id"),
    CONSTRAINT "build_pkg_id_fkey" FOREIGN KEY ("pkg_id") REFERENCES "package" ("id") DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT "build_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "build_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "build_owner_fkey" FOREIGN KEY ("owner") REFERENCES "users" ("id"),
    CONSTRAINT "build_promoter_fkey" FOREIGN KEY ("promoter") REFERENCES "users" ("id"),
    CONSTRAINT "build_cg_id_fkey" FOREIGN KEY ("cg_id") REFERENCES "content_generator" ("id")
  )`,
  `CREATE INDEX "build_by_pkg_id" ON "build" ("pkg_id")`,
  `CREATE INDEX "build_completion" ON "build" ("completion_time")`,
  `CREATE TABLE "build_types" (
    "build_id" integer NOT NULL, "btype_id" integer NOT NULL, CONSTRAINT "build_types_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id"),
    CONSTRAINT "build_types_btype_id_fkey" FOREIGN KEY ("btype_id") REFERENCES "btype" ("id"), PRIMARY KEY ("build_id", "btype_id")
  )`,
  `CREATE TABLE "build_reservations" (
    "build_id" integer PRIMARY KEY NOT NULL, "token" varchar(64), "created" datetime NOT NULL,
    CONSTRAINT "build_reservations_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id")
  )`,
  `CREATE INDEX "build_reservations_created" ON "build_reservations" ("created")`,
  `CREATE TABLE "image_builds" (
    "build_id" integer PRIMARY KEY NOT NULL, CONSTRAINT "image_builds_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id")
  )`,
  `CREATE TABLE "maven_builds" (
    "build_id" integer PRIMARY KEY NOT NULL, "group_id" text NOT NULL, "artifact_id" text NOT NULL, "version" text NOT NULL,
    CONSTRAINT "maven_builds_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id")
  )`,
  `CREATE TABLE "win_builds" (
    "build_id" integer PRIMARY KEY NOT NULL, "platform" text NOT NULL,
    CONSTRAINT "win_builds_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id")
  )`,
  `CREATE TABLE "tag_inheritance" (
    "create_event" integer NOT NULL, "tag_id" integer NOT NULL, "parent_id" integer NOT NULL, "priority" integer NOT NULL, "maxdepth" integer,
    "intransitive" boolean NOT NULL DEFAULT (0), "noconfig" boolean NOT NULL DEFAULT (0), "pkg_filter" text, "revoke_event" integer,
    "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "tag_inheritance_tag_id_parent_id_active_key" UNIQUE ("tag_id", "parent_id", "active"),
    CONSTRAINT "tag_inheritance_tag_id_priority_active_key" UNIQUE ("tag_id", "priority", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_inheritance_active_check" CHECK (active),
    CONSTRAINT "tag_inheritance_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_inheritance_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_inheritance_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_inheritance_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_inheritance_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_inheritance_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "tag_id", "priority")
  )`,
  `CREATE INDEX "tag_inheritance_by_parent" ON "tag_inheritance" ("parent_id")`,
  `CREATE TABLE "tag_config" (
    "create_event" integer NOT NULL, "tag_id" integer NOT NULL, "arches" text, "perm_id" integer, "locked" boolean NOT NULL DEFAULT (0),
    "maven_support" boolean NOT NULL DEFAULT (0), "maven_include_all" boolean NOT NULL DEFAULT (0), "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "tag_config_tag_id_active_key" UNIQUE ("tag_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_config_active_check" CHECK (active),
    CONSTRAINT "tag_config_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_config_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_config_perm_id_fkey" FOREIGN KEY ("perm_id") REFERENCES "permissions" ("id"),
    CONSTRAINT "tag_config_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_config_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_config_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "tag_id")
  )`,
  `CREATE TABLE "tag_extra" (
    "create_event" integer NOT NULL, "tag_id" integer NOT NULL, "key" text NOT NULL, "value" text, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "tag_extra_tag_id_key_active_key" UNIQUE ("tag_id", "key", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_extra_active_check" CHECK (active), CONSTRAINT "tag_extra_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_extra_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_extra_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_extra_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_extra_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "tag_id", "key")
  )`,
  `CREATE TABLE "tag_updates" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "tag_id" integer NOT NULL, "update_event" integer NOT NULL, "updater_id" integer NOT NULL,
    "update_type" integer NOT NULL, CONSTRAINT "tag_updates_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_updates_update_event_fkey" FOREIGN KEY ("update_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_updates_updater_id_fkey" FOREIGN KEY ("updater_id") REFERENCES "users" ("id")
  )`,
  `CREATE INDEX "tag_updates_by_event" ON "tag_updates" ("update_event")`,
  `CREATE INDEX "tag_updates_by_tag" ON "tag_updates" ("tag_id")`,
  `CREATE TABLE "tag_listing" (
    "create_event" integer NOT NULL, "build_id" integer NOT NULL, "tag_id" integer NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "tag_listing_build_id_tag_id_active_key" UNIQUE ("build_id", "tag_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_listing_active_check" CHECK (active),
    CONSTRAINT "tag_listing_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_listing_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id"),
    CONSTRAINT "tag_listing_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_listing_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_listing_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_listing_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "build_id", "tag_id")
  )`,
  `CREATE INDEX "tag_listing_tag_id_key" ON "tag_listing" ("tag_id")`,
  `CREATE TABLE "build_target_config" (
    "create_event" integer NOT NULL, "build_target_id" integer NOT NULL, "build_tag" integer NOT NULL, "dest_tag" integer NOT NULL,
    "revoke_event" integer, "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "build_target_config_build_target_id_active_key" UNIQUE ("build_target_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "build_target_config_active_check" CHECK (active),
    CONSTRAINT "build_target_config_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "build_target_config_build_target_id_fkey" FOREIGN KEY ("build_target_id") REFERENCES "build_target" ("id"),
    CONSTRAINT "build_target_config_build_tag_fkey" FOREIGN KEY ("build_tag") REFERENCES "tag" ("id"),
    CONSTRAINT "build_target_config_dest_tag_fkey" FOREIGN KEY ("dest_tag") REFERENCES "tag" ("id"),
    CONSTRAINT "build_target_config_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "build_target_config_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "build_target_config_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "build_target_id")
  )`,
  `CREATE TABLE "repo" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "creation_time" datetime DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    "create_event" integer NOT NULL, "state_time" datetime DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')), "begin_event" integer,
    "end_event" integer, "tag_id" integer NOT NULL, "state" integer, "dist" boolean DEFAULT (0), "opts" text, "custom_opts" text, "task_id" integer,
    CONSTRAINT "repo_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "repo_begin_event_fkey" FOREIGN KEY ("begin_event") REFERENCES "events" ("id"),
    CONSTRAINT "repo_end_event_fkey" FOREIGN KEY ("end_event") REFERENCES "events" ("id"),
    CONSTRAINT "repo_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "repo_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id")
  )`,
  `CREATE TABLE "repo_queue" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "create_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    "owner" integer NOT NULL, "priority" integer NOT NULL, "tag_id" integer NOT NULL, "at_event" integer, "min_event" integer, "opts" text NOT NULL,
    "update_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')), "active" boolean NOT NULL DEFAULT (1), "task_id" integer,
    "tries" integer NOT NULL DEFAULT (0), "repo_id" integer, CONSTRAINT "active_sane" CHECK (NOT active OR repo_id IS NULL),
    CONSTRAINT "only_one_event" CHECK (at_event IS NULL OR min_event IS NULL),
    CONSTRAINT "repo_queue_owner_fkey" FOREIGN KEY ("owner") REFERENCES "users" ("id"),
    CONSTRAINT "repo_queue_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "repo_queue_at_event_fkey" FOREIGN KEY ("at_event") REFERENCES "events" ("id"),
    CONSTRAINT "repo_queue_min_event_fkey" FOREIGN KEY ("min_event") REFERENCES "events" ("id"),
    CONSTRAINT "repo_queue_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "repo_queue_repo_id_fkey" FOREIGN KEY ("repo_id") REFERENCES "repo" ("id")
  )`,
  `CREATE TABLE "external_repo_config" (
    "create_event" integer NOT NULL, "external_repo_id" integer NOT NULL, "url" text NOT NULL, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "external_repo_config_external_repo_id_active_key" UNIQUE ("external_repo_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "external_repo_config_active_check" CHECK (active),
    CONSTRAINT "external_repo_config_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "external_repo_config_external_repo_id_fkey" FOREIGN KEY ("external_repo_id") REFERENCES "external_repo" ("id"),
    CONSTRAINT "external_repo_config_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "external_repo_config_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "external_repo_config_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"),
    PRIMARY KEY ("create_event", "external_repo_id")
  )`,
  `CREATE TABLE "external_repo_data" (
    "create_event" integer NOT NULL, "external_repo_id" integer NOT NULL, "data" text, "revoke_event" integer, "creator_id" integer NOT NULL,
    "revoker_id" integer, "active" boolean DEFAULT (1), CONSTRAINT "external_repo_data_external_repo_id_active_key" UNIQUE ("external_repo_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "external_repo_data_active_check" CHECK (active),
    CONSTRAINT "external_repo_data_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "external_repo_data_external_repo_id_fkey" FOREIGN KEY ("external_repo_id") REFERENCES "external_repo" ("id"),
    CONSTRAINT "external_repo_data_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "external_repo_data_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "external_repo_data_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "external_repo_id")
  )`,
  `CREATE TABLE "tag_external_repos" (
    "create_event" integer NOT NULL, "tag_id" integer NOT NULL, "external_repo_id" integer NOT NULL, "priority" integer NOT NULL,
    "merge_mode" text NOT NULL DEFAULT ('koji'), "arches" text, "revoke_event" integer, "creator_id" integer NOT NULL, "revoker_id" integer,
    "active" boolean DEFAULT (1), CONSTRAINT "tag_external_repos_tag_id_external_repo_id_active_key" UNIQUE ("tag_id", "external_repo_id", "active"),
    CONSTRAINT "tag_external_repos_tag_id_priority_active_key" UNIQUE ("tag_id", "priority", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "tag_external_repos_active_check" CHECK (active),
    CONSTRAINT "tag_external_repos_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_external_repos_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "tag_external_repos_external_repo_id_fkey" FOREIGN KEY ("external_repo_id") REFERENCES "external_repo" ("id"),
    CONSTRAINT "tag_external_repos_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "tag_external_repos_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "tag_external_repos_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"),
    PRIMARY KEY ("create_event", "tag_id", "priority")
  )`,
  `CREATE TABLE "buildroot" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "br_type" integer NOT NULL, "cg_id" integer, "cg_version" text, "container_type" text,
    "container_arch" text, "host_os" text, "host_arch" text, "extra" text,
    CONSTRAINT "cg_sane" CHECK ((cg_id IS NULL AND cg_version IS NULL) OR (cg_id IS NOT NULL AND cg_version IS NOT NULL)),
    CONSTRAINT "container_sane" CHECK ((container_type IS NULL AND container_arch IS NULL) OR (container_type IS NOT NULL AND container_arch IS NOT NULL)),
    CONSTRAINT "buildroot_cg_id_fkey" FOREIGN KEY ("cg_id") REFERENCES "content_generator" ("id")
  )`,
  `CREATE TABLE "standard_buildroot" (
    "buildroot_id" integer PRIMARY KEY NOT NULL, "host_id" integer NOT NULL, "repo_id" integer NOT NULL, "task_id" integer NOT NULL,
    "create_event" integer NOT NULL, "retire_event" integer, "state" integer,
    CONSTRAINT "standard_buildroot_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id"),
    CONSTRAINT "standard_buildroot_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id"),
    CONSTRAINT "standard_buildroot_repo_id_fkey" FOREIGN KEY ("repo_id") REFERENCES "repo" ("id"),
    CONSTRAINT "standard_buildroot_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "standard_buildroot_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id")
  )`,
  `CREATE TABLE "buildroot_tools_info" (
    "buildroot_id" integer NOT NULL, "tool" text NOT NULL, "version" text NOT NULL,
    CONSTRAINT "buildroot_tools_info_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id"), PRIMARY KEY ("buildroot_id", "tool")
  )`,
  `CREATE TABLE "buildroot_listing" (
    "buildroot_id" integer NOT NULL, "rpm_id" integer NOT NULL, "is_update" boolean NOT NULL DEFAULT (0),
    CONSTRAINT "buildroot_listing_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id"),
    CONSTRAINT "buildroot_listing_rpm_id_fkey" FOREIGN KEY ("rpm_id") REFERENCES "rpminfo" ("id"), PRIMARY KEY ("buildroot_id", "rpm_id")
  )`,
  `CREATE INDEX "buildroot_listing_rpms" ON "buildroot_listing" ("rpm_id")`,
  `CREATE TABLE "buildroot_archives" (
    "buildroot_id" integer NOT NULL, "archive_id" integer NOT NULL, "project_dep" boolean NOT NULL,
    CONSTRAINT "buildroot_archives_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id"),
    CONSTRAINT "buildroot_archives_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id"), PRIMARY KEY ("buildroot_id", "archive_id")
  )`,
  `CREATE INDEX "buildroot_archives_archive_idx" ON "buildroot_archives" ("archive_id")`,
  `CREATE TABLE "group_config" (
    "create_event" integer NOT NULL, "group_id" integer NOT NULL, "tag_id" integer NOT NULL, "blocked" boolean NOT NULL DEFAULT (0),
    "exported" boolean DEFAULT (1), "display_name" text NOT NULL, "is_default" boolean, "uservisible" boolean, "description" text, "langonly" text,
    "biarchonly" boolean, "revoke_event" integer, "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "group_config_group_id_tag_id_active_key" UNIQUE ("group_id", "tag_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "group_config_active_check" CHECK (active),
    CONSTRAINT "group_config_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_config_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "groups" ("id"),
    CONSTRAINT "group_config_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "group_config_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_config_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "group_config_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"), PRIMARY KEY ("create_event", "group_id", "tag_id")
  )`,
  `CREATE TABLE "group_req_listing" (
    "create_event" integer NOT NULL, "group_id" integer NOT NULL, "tag_id" integer NOT NULL, "req_id" integer NOT NULL,
    "blocked" boolean NOT NULL DEFAULT (0), "type" varchar(25), "is_metapkg" boolean NOT NULL DEFAULT (0), "revoke_event" integer,
    "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "group_req_listing_group_id_tag_id_req_id_active_key" UNIQUE ("group_id", "tag_id", "req_id", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "group_req_listing_active_check" CHECK (active),
    CONSTRAINT "group_req_listing_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_req_listing_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "groups" ("id"),
    CONSTRAINT "group_req_listing_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "group_req_listing_req_id_fkey" FOREIGN KEY ("req_id") REFERENCES "groups" ("id"),
    CONSTRAINT "group_req_listing_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_req_listing_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "group_req_listing_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"),
    PRIMARY KEY ("create_event", "group_id", "tag_id", "req_id")
  )`,
  `CREATE TABLE "group_package_listing" (
    "create_event" integer NOT NULL, "group_id" integer NOT NULL, "tag_id" integer NOT NULL, "package" text NOT NULL,
    "blocked" boolean NOT NULL DEFAULT (0), "type" varchar(25) NOT NULL, "basearchonly" boolean, "requires" text, "revoke_event" integer,
    "creator_id" integer NOT NULL, "revoker_id" integer, "active" boolean DEFAULT (1),
    CONSTRAINT "group_package_listing_group_id_tag_id_package_active_key" UNIQUE ("group_id", "tag_id", "package", "active"),
    CONSTRAINT "active_revoke_sane" CHECK ((active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL) OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)),
    CONSTRAINT "group_package_listing_active_check" CHECK (active),
    CONSTRAINT "group_package_listing_create_event_fkey" FOREIGN KEY ("create_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_package_listing_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "groups" ("id"),
    CONSTRAINT "group_package_listing_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id"),
    CONSTRAINT "group_package_listing_revoke_event_fkey" FOREIGN KEY ("revoke_event") REFERENCES "events" ("id"),
    CONSTRAINT "group_package_listing_creator_id_fkey" FOREIGN KEY ("creator_id") REFERENCES "users" ("id"),
    CONSTRAINT "group_package_listing_revoker_id_fkey" FOREIGN KEY ("revoker_id") REFERENCES "users" ("id"),
    PRIMARY KEY ("create_event", "group_id", "tag_id", "package")
  )`,
  `CREATE TABLE "rpminfo" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "build_id" integer, "buildroot_id" integer, "name" text NOT NULL, "version" text NOT NULL,
    "release" text NOT NULL, "epoch" integer, "arch" varchar(16) NOT NULL, "draft" boolean, "external_repo_id" integer NOT NULL,
    "payloadhash" text NOT NULL, "size" bigint NOT NULL, "buildtime" bigint NOT NULL, "metadata_only" boolean NOT NULL DEFAULT (0), "extra" text,
    CONSTRAINT "build_id_draft_external_repo_id_sane" CHECK ((draft IS NULL AND build_id IS NULL AND external_repo_id <> 0) OR (draft IS NOT NULL AND build_id IS NOT NULL AND external_repo_id = 0)),
    CONSTRAINT "rpminfo_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id"),
    CONSTRAINT "rpminfo_external_repo_id_fkey" FOREIGN KEY ("external_repo_id") REFERENCES "external_repo" ("id"),
    CONSTRAINT "rpminfo_build_id_draft_fkey" FOREIGN KEY ("build_id", "draft") REFERENCES "build" ("id", "draft") ON UPDATE CASCADE
  )`,
  `CREATE INDEX "rpminfo_build" ON "rpminfo" ("build_id")`,
  `CREATE INDEX "rpminfo_nvra" ON "rpminfo" ("name", "version", "release", "arch", "external_repo_id")`,
  `CREATE UNIQUE INDEX "rpminfo_unique_nvra_not_draft" ON "rpminfo" ("name", "version", "release", "arch", "external_repo_id") WHERE (draft IS NOT TRUE)`,
  `CREATE TABLE "rpmsigs" (
    "rpm_id" integer NOT NULL, "sigkey" text NOT NULL, "sighash" text NOT NULL,
    CONSTRAINT "rpmsigs_rpm_id_fkey" FOREIGN KEY ("rpm_id") REFERENCES "rpminfo" ("id"), PRIMARY KEY ("rpm_id", "sigkey")
  )`,
  `CREATE TABLE "rpm_checksum" (
    "rpm_id" integer NOT NULL, "sigkey" text NOT NULL, "checksum" text NOT NULL, "checksum_type" smallint NOT NULL,
    CONSTRAINT "rpm_checksum_checksum_key" UNIQUE ("checksum"), CONSTRAINT "rpm_checksum_rpm_id_fkey" FOREIGN KEY ("rpm_id") REFERENCES "rpminfo" ("id"),
    PRIMARY KEY ("rpm_id", "sigkey", "checksum_type")
  )`,
  `CREATE INDEX "rpm_checksum_rpm_id" ON "rpm_checksum" ("rpm_id")`,
  `CREATE TABLE "archiveinfo" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "type_id" integer NOT NULL, "btype_id" integer, "build_id" integer NOT NULL, "buildroot_id" integer,
    "filename" text NOT NULL, "size" bigint NOT NULL, "checksum" text NOT NULL, "checksum_type" integer NOT NULL,
    "metadata_only" boolean NOT NULL DEFAULT (0), "extra" text,
    CONSTRAINT "archiveinfo_type_id_fkey" FOREIGN KEY ("type_id") REFERENCES "archivetypes" ("id"),
    CONSTRAINT "archiveinfo_btype_id_fkey" FOREIGN KEY ("btype_id") REFERENCES "btype" ("id"),
    CONSTRAINT "archiveinfo_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build" ("id"),
    CONSTRAINT "archiveinfo_buildroot_id_fkey" FOREIGN KEY ("buildroot_id") REFERENCES "buildroot" ("id")
  )`,
  `CREATE INDEX "archiveinfo_build_idx" ON "archiveinfo" ("build_id")`,
  `CREATE INDEX "archiveinfo_buildroot_idx" ON "archiveinfo" ("buildroot_id")`,
  `CREATE INDEX "archiveinfo_filename_idx" ON "archiveinfo" ("filename")`,
  `CREATE INDEX "archiveinfo_type_idx" ON "archiveinfo" ("type_id")`,
  `CREATE TABLE "maven_archives" (
    "archive_id" integer PRIMARY KEY NOT NULL, "group_id" text NOT NULL, "artifact_id" text NOT NULL, "version" text NOT NULL,
    CONSTRAINT "maven_archives_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id")
  )`,
  `CREATE TABLE "image_archives" (
    "archive_id" integer PRIMARY KEY NOT NULL, "arch" varchar(16) NOT NULL,
    CONSTRAINT "image_archives_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id")
  )`,
  `CREATE TABLE "win_archives" (
    "archive_id" integer PRIMARY KEY NOT NULL, "relpath" text NOT NULL, "platforms" text NOT NULL, "flags" text,
    CONSTRAINT "win_archives_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id")
  )`,
  `CREATE TABLE "archive_rpm_components" (
    "archive_id" integer NOT NULL, "rpm_id" integer NOT NULL,
    CONSTRAINT "archive_rpm_components_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id"),
    CONSTRAINT "archive_rpm_components_rpm_id_fkey" FOREIGN KEY ("rpm_id") REFERENCES "rpminfo" ("id"), PRIMARY KEY ("archive_id", "rpm_id")
  )`,
  `CREATE INDEX "rpm_components_idx" ON "archive_rpm_components" ("rpm_id")`,
  `CREATE TABLE "archive_components" (
    "archive_id" integer NOT NULL, "component_id" integer NOT NULL,
    CONSTRAINT "archive_components_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "archiveinfo" ("id"),
    CONSTRAINT "archive_components_component_id_fkey" FOREIGN KEY ("component_id") REFERENCES "archiveinfo" ("id"),
    PRIMARY KEY ("archive_id", "component_id")
  )`,
  `CREATE INDEX "archive_components_idx" ON "archive_components" ("component_id")`,
  `CREATE TABLE "build_notifications" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "package_id" integer, "tag_id" integer,
    "success_only" boolean NOT NULL DEFAULT (0), "email" text NOT NULL,
    CONSTRAINT "build_notifications_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "build_notifications_package_id_fkey" FOREIGN KEY ("package_id") REFERENCES "package" ("id"),
    CONSTRAINT "build_notifications_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id")
  )`,
  `CREATE TABLE "build_notifications_block" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "package_id" integer, "tag_id" integer,
    CONSTRAINT "build_notifications_block_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"),
    CONSTRAINT "build_notifications_block_package_id_fkey" FOREIGN KEY ("package_id") REFERENCES "package" ("id"),
    CONSTRAINT "build_notifications_block_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag" ("id")
  )`,
  `CREATE TABLE "scheduler_task_runs" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "task_id" integer NOT NULL, "host_id" integer NOT NULL, "active" boolean NOT NULL DEFAULT (1),
    "create_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    CONSTRAINT "scheduler_task_runs_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "scheduler_task_runs_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id")
  )`,
  `CREATE INDEX "scheduler_task_runs_create_time" ON "scheduler_task_runs" ("create_time")`,
  `CREATE INDEX "scheduler_task_runs_host" ON "scheduler_task_runs" ("host_id")`,
  `CREATE INDEX "scheduler_task_runs_task" ON "scheduler_task_runs" ("task_id")`,
  `CREATE TABLE "scheduler_host_data" (
    "host_id" integer PRIMARY KEY NOT NULL, "data" text, CONSTRAINT "scheduler_host_data_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id")
  )`,
  `CREATE TABLE "scheduler_task_refusals" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "task_id" integer NOT NULL, "host_id" integer NOT NULL, "by_host" boolean NOT NULL,
    "soft" boolean NOT NULL DEFAULT (0), "msg" text, "time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')),
    CONSTRAINT "scheduler_task_refusals_task_id_host_id_key" UNIQUE ("task_id", "host_id"),
    CONSTRAINT "scheduler_task_refusals_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "scheduler_task_refusals_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id")
  )`,
  `CREATE TABLE "scheduler_log_messages" (
    "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "task_id" integer, "host_id" integer,
    "msg_time" datetime NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000+00:00','now')), "msg" text NOT NULL,
    CONSTRAINT "scheduler_log_messages_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task" ("id"),
    CONSTRAINT "scheduler_log_messages_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host" ("id")
  )`,
  `CREATE INDEX "rpminfo_filename" ON "rpminfo" ((name || '-' || version || '-' || release || '.' || arch || '.rpm'))`,
];
