/** What the console calls the types of Secrets, and the keys that each starts with. */
export const secretTypeNames: Readonly<Record<string, string>> = {
  Opaque: 'Any keys',
  'kubernetes.io/dockerconfigjson': 'Registry login',
  'kubernetes.io/basic-auth': 'User and password',
  'kubernetes.io/ssh-auth': 'SSH key',
  'kubernetes.io/tls': 'TLS certificate',
}
export const startingKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/basic-auth': ['username', 'password'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
}
export const secretTypeName = (type: string): string => (Object.hasOwn(secretTypeNames, type) ? (secretTypeNames[type] ?? type) : type)
