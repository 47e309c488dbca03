-- What was asked of an object beyond the action's name: a port, a path, how many bytes went each way.
alter table "AuditEntry" add column "detail" text not null default '';
