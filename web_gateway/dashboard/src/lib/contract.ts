// The contract's messages under their own names; their shapes are generated from the protos.
import type { components } from "../generated/contract";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type AccountState = Schemas["AccountState"];
export type AccountStop = Schemas["AccountStop"];
export type Action = Schemas["Action"];
export type Alert = Schemas["Alert"];
export type ApiToken = Schemas["ApiToken"];
export type Bridge = Schemas["Bridge"];
export type ChainAge = Schemas["ChainAge"];
export type Command = Schemas["Command"];
export type CommandState = Schemas["CommandState"];
export type Deal = Schemas["Deal"];
export type Drill = Schemas["Drill"];
export type LadderStep = Schemas["LadderStep"];
export type LimitDay = Schemas["LimitDay"];
export type LimitProfile = Schemas["LimitProfile"];
export type Limits = Schemas["Limits"];
export type LimitUse = Schemas["LimitUse"];
export type LiveTrade = Schemas["LiveTrade"];
export type Order = Schemas["Order"];
export type OrderPreview = Schemas["OrderPreview"];
export type ParsedSignal = Schemas["ParsedSignal"];
export type PlanStart = Schemas["PlanStart"];
export type Problem = Schemas["Problem"];
export type Protection = Schemas["Protection"];
export type ProtectionPlan = Schemas["ProtectionPlan"];
export type Signal = Schemas["Signal"];
export type SignalDecision = Schemas["SignalDecision"];
export type SignalPlan = Schemas["SignalPlan"];
export type SignalSizing = Schemas["SignalSizing"];
export type SignalStep = Schemas["SignalStep"];
export type Snapshot = Schemas["Snapshot"];
export type Source = Schemas["Source"];
export type SourcePolicy = Schemas["SourcePolicy"];
export type StealthSettings = Schemas["StealthSettings"];
export type StopMove = Schemas["LadderStopMove"];
export type StopSettings = Schemas["StopSettings"];
export type StopTrigger = Schemas["StopTrigger"];
export type StopReport = Schemas["StopReport"];
export type StopTicket = Schemas["StopTicket"];
export type Subscription = Schemas["Subscription"];
export type SymbolMapping = Schemas["SymbolMapping"];
export type Symbol_ = Schemas["Symbol"];
export type SyncReport = Schemas["SyncReport"];
export type Trade = Schemas["Trade"];
export type TradeWishes = Schemas["TradeWishes"];
export type TradingState = Schemas["TradingState"];
export type TrailingStop = Schemas["TrailingStop"];
export type UserSettings = Schemas["UserSettings"];

type Event = Schemas["Event"];
type Envelope = "accountId" | "epoch" | "eventId" | "seq" | "time";
type Snake<Text extends string> = Text extends `${infer Head}${infer Tail}`
  ? Head extends Lowercase<Head>
    ? `${Head}${Snake<Tail>}`
    : `_${Lowercase<Head>}${Snake<Tail>}`
  : Text;

type EventData = Required<Omit<Event, Envelope>>;

/** The gateway adds its own sight of the server to the heartbeat. */
interface GatewayAges {
  serverConnected: boolean;
  serverAgeSeconds: number;
}

/** Events as the WebSocket tells them: `type` is the name of the event's field in the proto. */
export type EventFrame = {
  [Name in keyof EventData]: {
    type: Snake<Name>;
    id: string;
    seq?: number;
    timestamp: string;
    data: (Name extends "heartbeat" ? EventData[Name] & GatewayAges : EventData[Name]) & { accountId?: string };
  };
}[keyof EventData];

/** Frames of the gateway itself (`docs/websocket.md`). */
export type GatewayFrame =
  | { type: "connection_established"; id: string; seq?: never; timestamp: string; data: { heartbeatSeconds: number } }
  | { type: "authenticated"; id: string; seq?: never; timestamp: string; data: { userId: string; userName: string } }
  | { type: "pong"; id: string; seq?: never; timestamp: string; data: { id: string } }
  | { type: "error"; id: string; seq?: never; timestamp: string; data: { code: string; message: string } }
  | { type: "test"; id: string; seq?: never; timestamp: string; data: { echo: unknown } };

export type ServerFrame = EventFrame | GatewayFrame;

export interface ClientFrame {
  type: "authenticate" | "subscribe" | "ping" | "ack" | "test";
  id?: string;
  data?: unknown;
}
