import { z } from 'zod'

/** Text that PostgreSQL takes: zero characters and halves of pairs, which it refuses, are U+FFFD. The length stays. */
export const storable = (text: string): string => text.replace(/[\0\p{Cs}]/gu, '\ufffd')

/** Text that hosts and guests send, at most so many characters: one that could not be stored would hold up all reports of its host. */
export const reportText = (max: number) => z.string().max(max).overwrite(storable)

const earliest = 0
const latest = Date.UTC(9999, 0)

/** RFC 3339 with an offset, in years that a Date and PostgreSQL can both tell. */
export const reportTime = z.iso.datetime({ offset: true }).max(40).refine((text) => Date.parse(text) >= earliest && Date.parse(text) < latest, 'must be between the years 1970 and 9999')
