import type { Client } from 'pg'
import { z } from 'zod'

const numbers = z.array(z.object({ n: z.coerce.number() }))
const texts = z.array(z.object({ text: z.string() })).length(1)

/** The rows that a database has, in order. Throws where one is not as it was written, or the table and its index do not agree. */
export async function rowsOf(client: Client): Promise<number[]> {
  await client.query('create extension if not exists amcheck')
  await client.query("select bt_index_check('rows_pkey', true)")
  const damages = await client.query("select count(*) as n from (select msg from verify_heapam('rows') union all select n::text from rows where body <> repeat(md5(n::text), 8)) as found")
  if (numbers.parse(damages.rows)[0]?.n !== 0) throw new Error(`rows are damaged: ${JSON.stringify(damages.rows)}`)
  return numbers.parse((await client.query('select n from rows order by n')).rows).map(({ n }) => n)
}

const text = async (client: Client, query: string): Promise<string> => texts.parse((await client.query(query)).rows)[0]?.text ?? ''

/** What it has logged at its last start, and since then. */
export async function logOfStart(client: Client): Promise<string> {
  // As bytes: what was not written out as a snapshot was taken is zeros in it, as after a power cut.
  const all = Buffer.from(await text(client, "select encode(pg_read_binary_file('log/server.log'), 'base64') as text"), 'base64').toString('latin1')
  return all.slice(all.lastIndexOf('starting PostgreSQL'))
}

/** When its first process was started: never again in between. */
export const startedAt = (client: Client): Promise<string> => text(client, 'select pg_postmaster_start_time()::text as text')

/** How large the file system is that it lies on, as its guest's kernel says. */
export async function fileSystemBytes(client: Client): Promise<number> {
  await client.query('drop table if exists df; create temporary table df (line text)')
  await client.query('copy df from program $run$df --block-size=1 --output=size "$PGDATA" | tail -n 1$run$')
  return Number(await text(client, 'select line as text from df'))
}
