'use client'
import { useQueryString } from '@/components/client/query-string'
import { SelectFilter } from '@/components/patterns/data-table/toolbar'

/** The names of what looks one way each. */
export const namesOf = <Name extends string>(looks: Readonly<Record<Name, unknown>>): Name[] => Object.keys(looks).filter((text): text is Name => Object.hasOwn(looks, text))

/** Which states are listed, by the words that their badges say; it stands in the address. */
export function StateFilter<Name extends string>({ looks, names = namesOf(looks) }: { looks: Readonly<Record<Name, { word: string }>>; names?: readonly Name[] }) {
  const query = useQueryString()
  return <SelectFilter label="State" any="Any state" value={query.get('state')} options={names.map((name) => ({ value: name, label: looks[name].word }))} onChange={(state) => query.push({ state: state || null, cursor: null, from: null })} />
}
