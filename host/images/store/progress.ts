/** How far an image is. Bytes are of what the phase moves: compressed layers. */
export type ImageProgress = { phase: 'resolving' | 'pulling' | 'merging' | 'ready'; bytesDone?: number; bytesTotal?: number }

export type Listener = (progress: ImageProgress) => void
