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

/** One situation a run: {@code Main <situation> <model>}; where and with which key comes from OPENAI_BASE_URL and OPENAI_API_KEY. */
public final class Main {
    private static final String SYSTEM = "You are an assistant inside an IDE. Answer shortly, in Markdown.";
    private static final String QUESTION = "What does this function do?\n\n```python\ndef add(a, b):\n    return a + b\n```";

    public static void main(String[] arguments) {
        // The client's idle threads would keep the process for a minute: hence the exits.
        try {
            play(arguments[0], arguments[1]);
            System.exit(0);
        } catch (RuntimeException error) {
            System.out.println(error);
            System.exit(1);
        }
    }

    private static void play(String situation, String model) {
        switch (situation) {
            case "models" -> models();
            case "chat" -> chat(model);
            case "chat-async" -> chatAsync(model);
            case "stream" -> stream(model);
            case "stream-async" -> streamAsync(model);
            case "tool-loop" -> toolLoop(model);
            case "fan-out" -> fanOut(model);
            default -> throw new IllegalArgumentException("no such situation: " + situation);
        }
    }

    private static void models() {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        client.models().list().items().forEach(model -> System.out.println(model.id()));
    }

    private static void chat(String model) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        print(client.chat().completions().create(question(model).build()));
    }

    private static void chatAsync(String model) {
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        print(client.chat().completions().create(question(model).build()).join());
    }

    private static void stream(String model) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        print(streamed(client, question(model).streamOptions(withUsage()).build()));
    }

    private static void streamAsync(String model) {
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        client.chat().completions().createStreaming(question(model).build())
                .subscribe(whole::accumulate).onCompleteFuture().join();
        print(whole.chatCompletion());
    }

    /** The model calls the tool, and gets its result. */
    private static void toolLoop(String model) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv();
        ChatCompletionCreateParams.Builder conversation = question(model).addFunctionTool(readFile());
        ChatCompletionMessage answer = streamed(client, conversation.build()).choices().get(0).message();
        conversation.addMessage(answer);
        for (ChatCompletionMessageToolCall call : answer.toolCalls().orElse(List.of())) {
            conversation.addMessage(ChatCompletionToolMessageParam.builder()
                    .toolCallId(call.asFunction().id()).content("def add(a, b):\n    return a + b\n").build());
        }
        print(streamed(client, conversation.build()));
    }

    /** One prompt of the IDE becomes several calls at once, some of them equal. */
    private static void fanOut(String model) {
        OpenAIClientAsync client = OpenAIOkHttpClientAsync.fromEnv();
        List<CompletableFuture<ChatCompletion>> calls = IntStream.range(0, 4)
                .mapToObj(number -> question(model).addUserMessage("Part " + number / 2).build())
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

    private static ChatCompletionCreateParams.Builder question(String model) {
        return ChatCompletionCreateParams.builder().model(model).addSystemMessage(SYSTEM).addUserMessage(QUESTION);
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
