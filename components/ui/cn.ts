import { clsx, type ClassValue } from 'clsx'

/** Joins class names. Variants never contradict one another here, so nothing has to be merged at run time. */
export const cn = (...values: ClassValue[]) => clsx(values)
