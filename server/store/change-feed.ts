import pg from 'pg'
import type { Labels } from '@/domain/shared/names'
import { DomainError } from '@/domain/shared/errors'
import type { Database } from './database'
import { feedChannel } from './wake'

/** A place in the feed. It is written as `epoch.xid.seq`, which is also the form of a resourceVersion of lists. */
export type Cursor = { epoch: string; xid: string; seq: string }

export type Change = {
  cursor: Cursor
  kind: string
  uid: string
  tenantId: string | null
  namespace: string | null
  name: string
  action: 'added' | 'modified' | 'deleted'
  oldLabels: Labels | null
  newLabels: Labels | null
}

export const formatCursor = (c: Cursor): string => `${c.epoch}.${c.xid}.${c.seq}`

/** Reads a resourceVersion of a list; null when it is none. */
export function parseCursor(text: string): Cursor | null {
  const match = /^([0-9a-z]{1,16})\.(\d{1,20})\.(\d{1,20})$/.exec(text)
  return match ? { epoch: match[1]!, xid: match[2]!, seq: match[3]! } : null
}

/**
 * The place from which a watch sees everything that a read in the same snapshot did not: nothing below
 * `pg_snapshot_xmin` is still open. Call it before the read; what is told twice is the same object again.
 */
export async function currentCursor(db: Database): Promise<Cursor> {
  const rows = await db.$queryRaw<{ epoch: string; xid: string }[]>`select "epoch", pg_snapshot_xmin(pg_current_snapshot())::text as xid from "FeedState" where "id" = 1`
  const row = rows[0]
  if (!row) throw new DomainError('internal', 'Something went wrong.', { internal: 'the change feed has no state row' })
  return { epoch: row.epoch, xid: row.xid, seq: '0' }
}

type ChangeRow = { xid: string; seq: string; kind: string; objectUid: string; tenantId: string | null; namespace: string | null; name: string; action: Change['action']; oldLabels: Labels | null; newLabels: Labels | null }

/**
 * The next changes after `cursor`, in commit order, at most `limit`. Stops below `pg_snapshot_xmin`: a sequence's order is
 * not the order of commits, so a reader that went further would miss what commits late. `behind` says that rows wait there.
 * One statement, for every process reads at every wake, on the way of each start. Throws `gone` when the cursor is of another epoch or below the floor: the reader lists again.
 */
export async function readChanges(db: Database, cursor: Cursor, limit = 1000): Promise<{ changes: Change[]; behind: boolean }> {
  const [read] = await db.$queryRaw<{ epoch: string; belowFloor: boolean; waits: boolean; rows: ChangeRow[] }[]>`
    select "epoch", (${cursor.xid}::xid8, ${cursor.seq}::bigint) < ("floorXid"::xid8, "floorSeq") as "belowFloor",
      exists (select 1 from "Change" where "xid" >= pg_snapshot_xmin(pg_current_snapshot())) as "waits",
      (select coalesce(json_agg(c), '[]') from (
        select "xid"::text as "xid", "seq"::text as "seq", "kind", "objectUid", "tenantId", "namespace", "name", "action", "oldLabels", "newLabels" from "Change"
        where ("xid", "seq") > (${cursor.xid}::xid8, ${cursor.seq}::bigint) and "xid" < pg_snapshot_xmin(pg_current_snapshot())
        order by "Change"."xid", "Change"."seq" limit ${limit}) c) as "rows"
    from "FeedState" where "id" = 1`
  if (!read || read.epoch !== cursor.epoch || read.belowFloor) throw new DomainError('gone', 'This resourceVersion is too old: list again and watch from there.')
  const changes = read.rows.map(({ xid, seq, objectUid, ...row }) => ({ ...row, uid: objectUid, cursor: { epoch: cursor.epoch, xid, seq } }))
  return { changes, behind: read.rows.length === limit || read.waits }
}

/** Removes changes older than `keepSeconds` and raises the floor in the same statement's transaction. Returns how many went. */
export async function pruneChanges(tx: Database, keepSeconds: number): Promise<number> {
  const rows = await tx.$queryRaw<{ xid: string; seq: bigint }[]>`
    delete from "Change" where "createdAt" < now() - make_interval(secs => ${keepSeconds}) and "xid" < pg_snapshot_xmin(pg_current_snapshot())
    returning "xid"::text as xid, "seq"`
  const last = rows.reduce<{ xid: bigint; seq: bigint } | null>((max, row) => {
    const [xid, seq] = [BigInt(row.xid), row.seq]
    return !max || xid > max.xid || (xid === max.xid && seq > max.seq) ? { xid, seq } : max
  }, null)
  if (last) await tx.$executeRaw`update "FeedState" set "floorXid" = ${String(last.xid)}, "floorSeq" = ${last.seq} where "id" = 1 and ("floorXid"::xid8, "floorSeq") < (${String(last.xid)}::xid8, ${last.seq}::bigint)`
  return rows.length
}

/** Listens for wakes of the feed on a connection of its own, and dials again when it is lost. */
export function listenForWakes(url: string, onWake: () => void): { close(): Promise<void> } {
  let closed = false
  let client: pg.Client | null = null
  let retry: NodeJS.Timeout | undefined
  const dial = async () => {
    if (closed) return
    const next = new pg.Client({ connectionString: url, keepAlive: true })
    let gone = false
    const lost = () => {
      if (gone) return
      gone = true
      if (client === next) client = null
      if (!closed) retry = setTimeout(() => void dial(), 500)
    }
    // A connection that is lost says so up to three times: what the server's last word was, that it ended before its time, and its end.
    next.on('error', lost)
    next.on('end', lost)
    next.on('notification', onWake)
    try {
      await next.connect()
      await next.query(`listen ${feedChannel}`)
      if (gone || closed) throw new Error('too late')
      client = next
      onWake()
    } catch {
      lost()
      await next.end().catch(() => {})
    }
  }
  void dial()
  return {
    close: async () => {
      closed = true
      clearTimeout(retry)
      await client?.end().catch(() => {})
    },
  }
}
