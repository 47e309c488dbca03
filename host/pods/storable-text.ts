import { storable } from '@/domain/shared/report-text'

/**
 * Text that the server's database takes, at most so many characters: what a guest says may hold zero characters and halves
 * of pairs, and one report with such text would hold up all reports of this host.
 */
export const storableText = (text: string, length: number): string => storable(text.length > length ? `${text.slice(0, length - 1)}…` : text)
