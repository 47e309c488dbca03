import type { ReactNode } from 'react'

/** One column. The first names the row, as a link. */
export type Column<Row> = {
  id: string
  header: string
  cell: (row: Row) => ReactNode
  /** The server's name for sorting by it. */
  sortBy?: string
  /** Numbers stand at the right. */
  numeric?: boolean
  /** Left out on windows narrower than this. */
  from?: 'sm' | 'md' | 'lg' | 'xl'
  /** Takes the room that is left. */
  grow?: boolean
}

const hidden = { sm: 'max-sm:hidden', md: 'max-md:hidden', lg: 'max-lg:hidden', xl: 'max-xl:hidden' } as const

export const columnClass = (column: Pick<Column<never>, 'from' | 'numeric' | 'grow'>) =>
  `${column.from ? hidden[column.from] : ''} ${column.numeric ? 'text-right' : ''} ${column.grow ? 'w-full max-w-0 min-w-28' : ''}`

/** Skeletons and rows share it, so that nothing moves when data arrive. */
export const rowClass = 'h-9 border-b border-stroke last:border-0'
export const cellClass = 'px-3 first:pl-4 last:pr-4 whitespace-nowrap'
