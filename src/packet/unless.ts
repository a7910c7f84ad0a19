/** `{ name: value }`, or nothing where the value is the one that would be taken anyway. */
export function unless<N extends string, V>(
  name: N,
  value: V,
  taken: NoInfer<V> | string,
): { readonly [K in N]?: V } {
  return value === taken ? {} : ({ [name]: value } as { readonly [K in N]: V });
}
