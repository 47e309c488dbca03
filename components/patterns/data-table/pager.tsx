'use client'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useQueryString } from '@/components/client/query-string'
import { formatCount } from '@/components/client/formats'
import { Button } from '@/components/ui/button'
import { Select } from '@/components/ui/input'

type PagerProps = {
  noun: string
  plural?: string
  shown: number
  total?: number | undefined
  nextCursor: string | null | undefined
  /** The sizes to choose from, the first of them where the address names none. */
  sizes?: readonly number[]
}

/** The page stands in the address as the server's cursor; the one before it is remembered for this tab. */
const remembered = (cursor: string) => `page-before:${cursor}`

export function Pager({ noun, plural, shown, total, nextCursor, sizes }: PagerProps) {
  const query = useQueryString()
  const cursor = query.get('cursor')
  const from = Number(query.get('from')) || 1
  const goNext = () => {
    if (!nextCursor) return
    sessionStorage.setItem(remembered(nextCursor), JSON.stringify([cursor, from]))
    query.push({ cursor: nextCursor, from: String(from + shown) })
  }
  const goBack = () => {
    const [before, at] = (sessionStorage.getItem(remembered(cursor)) ?? '').match(/^\["(.*)",(\d+)\]$/)?.slice(1) ?? []
    query.push({ cursor: before || null, from: before && at ? at : null })
  }
  if (shown === 0 && !cursor) return null
  return (
    <footer className="flex min-h-10 items-center justify-between gap-4 border-t border-stroke px-4 py-1.5 text-xs text-faint">
      <p role="status">
        {cursor || nextCursor
          ? <>{from.toLocaleString('en')}–{(from + shown - 1).toLocaleString('en')}{total !== undefined && <> of {formatCount(total, noun, plural)}</>}</>
          : formatCount(total ?? shown, noun, plural)}
      </p>
      <div className="flex flex-wrap items-center justify-end gap-1.5">
        {sizes && (total ?? shown) > (sizes[0] ?? 0) && (
          <span className="mr-2 w-36">
            <Select aria-label="Rows of a page" className="h-7 text-xs" value={query.get('limit') || String(sizes[0])} onChange={(event) => query.push({ limit: event.target.value === String(sizes[0]) ? null : event.target.value, cursor: null, from: null })}>
              {sizes.map((size) => <option key={size} value={size}>{size} a page</option>)}
            </Select>
          </span>
        )}
        {(cursor || nextCursor) && (
          <>
          <Button size="sm" icon={<ChevronLeft className="size-3.5" />} onClick={goBack} disabledReason={cursor ? undefined : 'This is the first page.'}>Previous</Button>
          <Button size="sm" onClick={goNext} disabledReason={nextCursor ? undefined : 'This is the last page.'}>Next<ChevronRight className="size-3.5" aria-hidden /></Button>
          </>
        )}
      </div>
    </footer>
  )
}
