/** The image that the first start makes from Debian's busybox: it never touches a registry. */
export const sampleImage = 'hypernetes/sample:latest'
