/** The days of the week from Monday on, as cron counts them. */
export const weekDays = [[1, 'Mon'], [2, 'Tue'], [3, 'Wed'], [4, 'Thu'], [5, 'Fri'], [6, 'Sat'], [0, 'Sun']] as const

/** `02:30`. `days`: of the week, 0 is Sunday; none of them every day. */
export type ClockTime = { time: string; days: readonly number[] }

export const isTime = (time: string): boolean => /^([01]?\d|2[0-3]):[0-5]\d$/.test(time.trim())

const two = (number: number | string) => String(number).padStart(2, '0')

/** The hour of days that a cron expression is; null: it is more than that. */
export function clockOf(schedule: string): ClockTime | null {
  const [, minute = '', hour = '', days = ''] = /^([0-5]?\d) ([01]?\d|2[0-3]) \* \* (\*|[0-6](?:,[0-6])*)$/.exec(schedule) ?? []
  if (minute === '') return null
  const chosen = days === '*' ? [] : inWeek(days.split(',').map(Number))
  return { time: `${two(hour)}:${two(minute)}`, days: chosen }
}

/** The cron expression of an hour of days. */
export function cronOf(time: string, days: readonly number[]): string {
  const [hour = '', minute = ''] = time.trim().split(':')
  return `${Number(minute)} ${Number(hour)} * * ${days.length === 0 ? '*' : days.toSorted((a, b) => a - b).join(',')}`
}

/** From Monday on, each once. */
const inWeek = (days: readonly number[]): number[] => weekDays.flatMap(([day]) => (days.includes(day) ? [day] : []))

/** `Every day`, `Mon to Fri`, `Mon, Wed and Sun`. */
export function daysText(days: readonly number[]): string {
  const chosen = inWeek(days)
  if (chosen.length === 0 || chosen.length === 7) return 'Every day'
  if (chosen.join() === '1,2,3,4,5') return 'Mon to Fri'
  const names = weekDays.flatMap(([day, name]) => (chosen.includes(day) ? [name] : []))
  return names.length === 1 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
}
