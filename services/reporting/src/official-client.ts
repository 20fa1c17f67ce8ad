/** What the tests use of `@ai-sdk/gateway`. */
export interface OfficialClient {
  getSpendReport(question: object): Promise<{ results: OfficialRow[] }>;
  getCredits(): Promise<{ balance: string; totalUsed: string }>;
  getGenerationInfo(question: { id: string }): Promise<Record<string, unknown>>;
  getAvailableModels(): Promise<{ models: { id: string; pricing?: object | null }[] }>;
}

/** Amounts and counts in camelCase, and the fields of the group as text. */
type OfficialRow = Record<string, string | number> & { readonly totalCost: number };

/** One of the client's error classes. */
type OfficialErrorClass = abstract new (
  ...parts: never[]
) => Error & {
  readonly statusCode: number;
  readonly isRetryable: boolean;
};

interface OfficialModule {
  createGateway(options: { baseURL: string; apiKey: string }): OfficialClient;
  readonly GatewayAuthenticationError: OfficialErrorClass;
  readonly GatewayForbiddenError: OfficialErrorClass;
  readonly GatewayInternalServerError: OfficialErrorClass;
  readonly GatewayInvalidRequestError: OfficialErrorClass;
}

// A name that the compiler does not follow: the declarations that the client ships do not compile under our
// settings (they need the DOM's types and loose optional properties), and libraries are checked here.
const CLIENT: string = import.meta.resolve('@ai-sdk/gateway');

/** The official client, for tests. */
export async function loadOfficialClient(): Promise<OfficialModule> {
  return await import(/* @vite-ignore */ CLIENT);
}
