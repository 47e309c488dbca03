import { Prisma } from '@/generated/prisma/client'
import type { Requirement } from '@/domain/shared/label-selector'

/** One requirement of a label selector as SQL over a jsonb column; the same meaning as domain/shared/label-selector.ts. */
export function selectorSql(column: Prisma.Sql, { key, operator, values }: Requirement): Prisma.Sql {
  const value = Prisma.sql`(${column} ->> ${key})`
  if (operator === 'exists') return Prisma.sql`${value} is not null`
  if (operator === 'absent') return Prisma.sql`${value} is null`
  if (operator === 'in') return Prisma.sql`${value} in (${Prisma.join(values)})`
  return Prisma.sql`(${value} is null or ${value} not in (${Prisma.join(values)}))`
}
