const finalReasons: ReadonlySet<string> = new Set(['SourceTooLarge', 'Refused', 'Damaged', 'FilesystemDamaged', 'FilesystemMismatch', 'UnknownFilesystem', 'RestartNeeded', 'InvalidRequest', 'Stale', 'TooManyDisks', 'Failed'])

/** Whether what a host says is wrong with a volume or an attachment stays so until somebody does something. `Failed`: its host gave no reason. A reason that nobody knows here may go by itself. */
export const isFinalReason = (reason: string): boolean => finalReasons.has(reason)
