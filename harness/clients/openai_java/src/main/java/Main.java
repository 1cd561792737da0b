import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.openai.client.OpenAIClient;
import com.openai.client.OpenAIClientAsync;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.client.okhttp.OpenAIOkHttpClientAsync;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessage;
import com.openai.models.chat.completions.ChatCompletionMessageToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/**
 * One situation a run: {@code Main <what is said beside the question> <situation> <model> [more of the body, as JSON]};
 * where and with which key comes from OPENAI_BASE_URL and OPENAI_API_KEY.
 */
public final class Main {
    private static final String SYSTEM = "You are an assistant inside an IDE. Answer shortly, in Markdown.";
    private static final String QUESTION = "What does this function do?\n\n```python\ndef add(a, b):\n    return a + b\n```";

    private record Asked(String model, String words, JsonNode more) {}

    public static void main(String[] arguments) {
        // The client's idle threads would keep the process for a minute: hence the exits.
        try {
            String more = arguments.length > 3 ? arguments[3] : "{}";
            play(arguments[1], new Asked(arguments[2], arguments[0], new ObjectMapper().readTree(more)));
            System.exit(0);
        } catch (RuntimeException | JsonProcessingException error) {
            System.out.println(error);
            System.exit(1);
        }
    }

    private static void play(String situation, Asked asked) {
        switch (situation) {
            case "models" -> models();
            case "chat" -> chat(asked);
            case "chat-async" -> chatAsync(asked);
            case "stream" -> stream(asked);
            case "stream-async" -> streamAsync(asked);
            case "tool-loop" -> toolLoop(asked);
            case "fan-out" -> fanOut(asked, 4, 2);
            case "fan-out-of-equals" -> fanOut(asked, 15, 15);
            default -> throw new IllegalArgumentException("no such situation: " + situation);
        }
    }

    private static void models() {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        client.models().list().items().forEach(model -> System.out.println(model.id()));
    }

    private static void chat(Asked asked) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        print(client.chat().completions().create(question(asked).build()));
    }

    private static void chatAsync(Asked asked) {
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        print(client.chat().completions().create(question(asked).build()).join());
    }

    private static void stream(Asked asked) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        print(streamed(client, question(asked).streamOptions(withUsage()).build()));
    }

    private static void streamAsync(Asked asked) {
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        client.chat().completions().createStreaming(question(asked).build())
                .subscribe(whole::accumulate).onCompleteFuture().join();
        print(whole.chatCompletion());
    }

    /** The model calls the tool, and gets its result. */
    private static void toolLoop(Asked asked) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        ChatCompletionCreateParams.Builder conversation = question(asked).addFunctionTool(readFile());
        ChatCompletionMessage answer = streamed(client, conversation.build()).choices().get(0).message();
        conversation.addMessage(answer);
        for (ChatCompletionMessageToolCall call : answer.toolCalls().orElse(List.of())) {
            conversation.addMessage(ChatCompletionToolMessageParam.builder()
                    .toolCallId(call.asFunction().id()).content("def add(a, b):\n    return a + b\n").build());
        }
        print(streamed(client, conversation.build()));
    }

    /** One prompt of the IDE becomes several calls at once, some of them equal. */
    /** {@code number} calls at once, of which {@code alike} each have the same body. */
    private static void fanOut(Asked asked, int number, int alike) {
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        List<CompletableFuture<ChatCompletion>> calls = IntStream.range(0, number)
                .mapToObj(index -> question(asked).addUserMessage("Part " + index / alike).build())
                .map(parameters -> client.chat().completions().create(parameters)).toList();
        calls.forEach(call -> print(call.join()));
    }

    private static ChatCompletion streamed(OpenAIClient client, ChatCompletionCreateParams parameters) {
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> chunks = client.chat().completions().createStreaming(parameters)) {
            chunks.stream().forEach(whole::accumulate);
        }
        return whole.chatCompletion();
    }

    private static ChatCompletionCreateParams.Builder question(Asked asked) {
        ChatCompletionCreateParams.Builder builder = ChatCompletionCreateParams.builder().model(asked.model())
                .addSystemMessage(SYSTEM).addUserMessage(asked.words() + "\n\n" + QUESTION);
        asked.more().fields().forEachRemaining(
                field -> builder.putAdditionalBodyProperty(field.getKey(), JsonValue.fromJsonNode(field.getValue())));
        return builder;
    }

    private static ChatCompletionStreamOptions withUsage() {
        return ChatCompletionStreamOptions.builder().includeUsage(true).build();
    }

    private static FunctionDefinition readFile() {
        Map<String, ?> path = Map.of("type", "string");
        return FunctionDefinition.builder().name("read_file").description("Read a file of the project")
                .parameters(FunctionParameters.builder()
                        .putAdditionalProperty("type", JsonValue.from("object"))
                        .putAdditionalProperty("properties", JsonValue.from(Map.of("path", path)))
                        .putAdditionalProperty("required", JsonValue.from(List.of("path")))
                        .build())
                .build();
    }

    private static void print(ChatCompletion completion) {
        completion.choices().forEach(choice -> System.out.println(choice.message().content().orElse("<tool call>")));
    }
}
